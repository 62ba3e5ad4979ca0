//! A node that has stopped following its chain: what it is asked for, and what it does not know. Pure.
//!
//! The node behind is asked for the blocks of the moment at which it stopped, and what it says of later ones is
//! kept back. What is sent to it arrives all the same.

use serde_json::{Value, json};

/// Where a chain stood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heights {
    pub(crate) latest: u64,
    pub(crate) finalized: u64,
}

/// Members of a filter that name a block.
const RANGE: [&str; 2] = ["fromBlock", "toBlock"];

/// Puts the heights of then in place of the tags that move with the chain.
pub(crate) fn ask_for_old(method: &str, params: &mut Value, heights: Heights) {
    let Some(params) = params.as_array_mut() else { return };
    if method.starts_with("eth_send") {
        return;
    }
    for param in params {
        if let Value::String(tag) = param {
            replace(tag, heights);
        }
        for name in RANGE {
            if let Some(Value::String(tag)) = param.get_mut(name) {
                replace(tag, heights);
            }
        }
    }
}

fn replace(tag: &mut String, heights: Heights) {
    match tag.as_str() {
        "latest" | "pending" => *tag = format!("{:#x}", heights.latest),
        "safe" | "finalized" => *tag = format!("{:#x}", heights.finalized),
        _ => {}
    }
}

/// Takes out of a result what lies in later blocks.
pub(crate) fn withhold_new(method: &str, result: &mut Value, heights: Heights) {
    if method == "eth_blockNumber" {
        *result = json!(format!("{:#x}", heights.latest));
    } else if is_new(result, heights) {
        *result = Value::Null;
    } else if let Some(elements) = result.as_array_mut() {
        let size = elements.len();
        elements.retain(|element| !is_new(element, heights));
        // Of a block that it does not know, it does not say that it is empty.
        if method == "eth_getBlockReceipts" && elements.is_empty() && size > 0 {
            *result = Value::Null;
        }
    }
}

/// Whether a block, transaction, receipt or log is later than what is known.
fn is_new(value: &Value, heights: Heights) -> bool {
    let number = value.get("blockNumber").or_else(|| value.get("number"));
    let digits = number.and_then(Value::as_str).and_then(|number| number.strip_prefix("0x"));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.is_some_and(|number| number > heights.latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEIGHTS: Heights = Heights { latest: 20, finalized: 18 };

    fn asked(method: &str, mut params: Value) -> Value {
        ask_for_old(method, &mut params, HEIGHTS);
        params
    }

    fn told(method: &str, mut result: Value) -> Value {
        withhold_new(method, &mut result, HEIGHTS);
        result
    }

    #[test]
    fn tags_are_those_of_then_and_numbers_and_hashes_stay() {
        assert_eq!(
            asked("eth_getTransactionCount", json!(["0x1", "latest"])),
            json!(["0x1", "0x14"])
        );
        assert_eq!(
            asked("eth_getBlockByNumber", json!(["finalized", false])),
            json!(["0x12", false])
        );
        assert_eq!(
            asked("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "pending" }])),
            json!([{ "fromBlock": "0x0", "toBlock": "0x14" }])
        );
        for untouched in [json!(["earliest"]), json!(["0x15", true]), json!([]), json!(null)] {
            assert_eq!(asked("eth_getBlockByNumber", untouched.clone()), untouched);
        }
        assert_eq!(asked("eth_sendRawTransaction", json!(["latest"])), json!(["latest"]));
    }

    #[test]
    fn what_lies_in_later_blocks_is_not_there_yet() {
        assert_eq!(told("eth_blockNumber", json!("0x63")), "0x14");
        let (old, new) = (json!({ "blockNumber": "0x14" }), json!({ "blockNumber": "0x15" }));
        assert_eq!(told("eth_getTransactionReceipt", old.clone()), old);
        assert_eq!(told("eth_getTransactionReceipt", new.clone()), Value::Null);
        assert_eq!(told("eth_getBlockByHash", json!({ "number": "0x15" })), Value::Null);
        assert_eq!(told("eth_getLogs", json!([old, new])), json!([{ "blockNumber": "0x14" }]));
        assert_eq!(told("eth_getLogs", json!([new])), json!([]));
        assert_eq!(told("eth_getBlockReceipts", json!([new])), Value::Null);
        let pending = json!({ "blockNumber": null });
        assert_eq!(told("eth_getTransactionByHash", pending.clone()), pending);
        assert_eq!(told("eth_call", json!("0x63")), "0x63");
    }
}
