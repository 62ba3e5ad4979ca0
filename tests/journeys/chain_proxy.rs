//! The proxy in front of a real chain does what it is told, and nothing else: each fault, as a caller sees it
//! and as the chain does.

use std::time::Duration;

use serde_json::{Value, json};
use witness_tests::{Anvil, Committer, Fault, Mining, Proxy, Rule};

const SEND: &str = "eth_sendTransaction";
const RECEIPT: &str = "eth_getTransactionReceipt";
/// Only against hanging for ever: nothing is judged by it.
const RECEIPT_ASKS_MAX: u32 = 30_000;

/// What a caller gets who waits for so long.
#[derive(Debug, Clone, PartialEq)]
enum Got {
    Result(Value),
    Error(Value),
    Status(u16),
    Nothing,
}

fn post(proxy: &Proxy, body: &Value, patience: Duration) -> Result<(u16, Value), ureq::Error> {
    let config = ureq::Agent::config_builder().timeout_global(Some(patience));
    let agent: ureq::Agent = config.http_status_as_error(false).build().into();
    let mut answer = agent.post(proxy.url()).send(body.to_string())?;
    let body = answer.body_mut().read_to_vec()?;
    Ok((answer.status().as_u16(), serde_json::from_slice(&body).unwrap_or_default()))
}

fn ask_within(proxy: &Proxy, method: &str, params: &Value, patience: Duration) -> Got {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    match post(proxy, &call, patience) {
        Err(_) => Got::Nothing,
        Ok((200, answer)) => match answer.get("error") {
            Some(error) => Got::Error(error.clone()),
            None => Got::Result(answer["result"].clone()),
        },
        Ok((status, _)) => Got::Status(status),
    }
}

fn ask(proxy: &Proxy, method: &str, params: &Value) -> Got {
    ask_within(proxy, method, params, Duration::from_mins(1))
}

fn height(proxy: &Proxy) -> Got {
    ask(proxy, "eth_blockNumber", &json!([]))
}

/// A chain behind a proxy, and a transfer that can be sent.
struct Place {
    anvil: Anvil,
    proxy: Proxy,
    transfer: Value,
}

impl Place {
    fn new() -> Self {
        let anvil = Anvil::with_finality();
        let proxy = Proxy::start(anvil.url());
        let accounts = anvil.accounts();
        let transfer = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
        Self { anvil, proxy, transfer }
    }

    /// Transactions of the account that the chain has, also those that it has not mined yet.
    fn deeds(&self) -> u64 {
        let asked = json!([self.anvil.accounts()[0], "pending"]);
        let count = self.anvil.ask("eth_getTransactionCount", &asked).unwrap();
        u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// Sends it through the proxy, and waits until it is mined; its hash.
    fn sent(&self) -> Value {
        let Got::Result(hash) = ask(&self.proxy, SEND, &self.transfer) else { panic!("not sent") };
        for _ in 0..RECEIPT_ASKS_MAX {
            if !self.anvil.ask(RECEIPT, &json!([hash])).unwrap().is_null() {
                return hash;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("{hash} is never mined")
    }

    fn sends_under(&self, rule: Rule) -> (Got, u64) {
        let before = self.deeds();
        self.proxy.rules(&[rule.times(1)]);
        let got = ask(&self.proxy, SEND, &self.transfer);
        (got, self.deeds() - before)
    }
}

#[test]
fn without_a_rule_the_chain_is_seen_as_it_is_also_in_batches() {
    let place = Place::new();
    assert_eq!(height(&place.proxy), Got::Result(json!("0x0")));
    let hash = place.sent();
    let Got::Error(_) = ask(&place.proxy, "eth_none", &json!([])) else { panic!("no such method") };
    let receipt = json!({ "jsonrpc": "2.0", "id": 5, "method": RECEIPT, "params": [hash] });
    let batch = json!([receipt, { "jsonrpc": "2.0", "id": "x", "method": "eth_chainId" }]);
    let (status, answers) = post(&place.proxy, &batch, Duration::from_mins(1)).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["result"]["blockNumber"]),
        (&json!(5), &json!("0x1"))
    );
    assert_eq!((&answers[1]["id"], &answers[1]["result"]), (&json!("x"), &json!("0x7a69")));
    assert_eq!(answers.as_array().unwrap().len(), 2);
    for method in ["eth_blockNumber", SEND, "eth_none", RECEIPT, "eth_chainId"] {
        assert_eq!((place.proxy.calls(method), place.proxy.forwarded(method)), (1, 1), "{method}");
    }
    assert_eq!(post(&place.proxy, &json!(7), Duration::from_mins(1)).unwrap().0, 400);
}

#[test]
fn an_answer_is_lost_after_the_deed_and_a_refusal_comes_before_it() {
    let place = Place::new();
    let error = Fault::Error { code: -32_005, message: "too many".to_owned() };
    let refused = Got::Error(json!({ "code": -32_005, "message": "too many" }));
    for (fault, got, deeds) in [
        (Fault::DropAnswer, Got::Nothing, 1),
        (Fault::Close, Got::Nothing, 0),
        (Fault::Status(503), Got::Status(503), 0),
        (error, refused, 0),
    ] {
        assert_eq!(place.sends_under(Rule::on(SEND, fault.clone())), (got, deeds), "{fault:?}");
        // The rule was for one call, and the connection can be made anew.
        let Got::Result(_) = ask(&place.proxy, SEND, &place.transfer) else { panic!("not sent") };
    }
    let (Got::Result(_), 2) = place.sends_under(Rule::on(SEND, Fault::Repeat)) else {
        panic!("not sent twice")
    };
    assert_eq!(place.proxy.forwarded(SEND), 4 + 1 + 2);
}

#[test]
fn whoever_hangs_up_before_the_delay_is_over_has_not_called() {
    let place = Place::new();
    place.proxy.rules(&[Rule::on(SEND, Fault::DelayMs(400))]);
    let got = ask_within(&place.proxy, SEND, &place.transfer, Duration::from_millis(100));
    assert_eq!(got, Got::Nothing);
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!((place.proxy.calls(SEND), place.proxy.forwarded(SEND)), (1, 0));
    assert_eq!(place.anvil.latest().number, 0);
    let Got::Result(_) = ask(&place.proxy, SEND, &place.transfer) else { panic!("not sent") };
}

#[test]
fn results_are_falsified_and_receipts_hidden_until_it_is_cleared() {
    let place = Place::new();
    let hash = place.sent();
    let receipt = || ask(&place.proxy, RECEIPT, &json!([hash]));
    let Got::Result(honest) = receipt() else { panic!("no receipt") };
    let falsify = Fault::Falsify { pointer: "/status".to_owned(), value: json!("0x0") };
    place.proxy.rules(&[Rule::on(RECEIPT, falsify)]);
    let Got::Result(false_one) = receipt() else { panic!("no receipt") };
    assert_eq!(
        (&false_one["status"], &false_one["blockHash"]),
        (&json!("0x0"), &honest["blockHash"])
    );
    place.proxy.rules(&[Rule::always(Fault::HideReceipts)]);
    assert_eq!(receipt(), Got::Result(Value::Null));
    place.proxy.clear();
    assert_eq!(receipt(), Got::Result(honest));
}

#[test]
fn a_stale_node_stands_still_while_the_chain_goes_on_and_passes_on_what_is_sent() {
    let place = Place::new();
    let account = json!(place.anvil.accounts()[0]);
    place.anvil.mine(5);
    place.proxy.rules(&[Rule::always(Fault::Stale)]);
    let hash = place.sent();
    place.anvil.mine(5);
    assert_eq!((place.anvil.latest().number, place.anvil.finalized().number), (11, 9));
    let number = |tag: &str| {
        let Got::Result(block) = ask(&place.proxy, "eth_getBlockByNumber", &json!([tag, false]))
        else {
            panic!("no answer")
        };
        block["number"].clone()
    };
    assert_eq!(height(&place.proxy), Got::Result(json!("0x5")));
    assert_eq!([number("latest"), number("finalized")], [json!("0x5"), json!("0x3")]);
    assert_eq!([number("0x6"), number("0x4")], [Value::Null, json!("0x4")]);
    let count = ask(&place.proxy, "eth_getTransactionCount", &json!([account, "latest"]));
    assert_eq!(count, Got::Result(json!("0x0")));
    assert_eq!(ask(&place.proxy, RECEIPT, &json!([hash])), Got::Result(Value::Null));
    place.proxy.clear();
    assert_eq!(height(&place.proxy), Got::Result(json!("0xb")));
}

#[test]
fn raw_transactions_are_kept_whatever_becomes_of_them() {
    let place = Place::new();
    place.proxy.rules(&[Rule::on("eth_sendRawTransaction", Fault::Close)]);
    for raw in ["0x02aa", "0x02bb", "0x02aa"] {
        assert_eq!(ask(&place.proxy, "eth_sendRawTransaction", &json!([raw])), Got::Nothing);
    }
    let sent: Vec<String> = place.proxy.sent().iter().map(ToString::to_string).collect();
    assert_eq!(sent, ["0x02aa", "0x02bb", "0x02aa"]);
    assert_eq!(place.proxy.forwarded("eth_sendRawTransaction"), 0);
}

#[test]
fn a_node_that_is_gone_is_as_a_closed_connection_and_may_come_back() {
    let place = Place::new();
    let url = place.anvil.url().to_owned();
    drop(place.anvil);
    assert_eq!(height(&place.proxy), Got::Nothing);
    let port = url.rsplit_once(':').unwrap().1;
    let _again = Anvil::with(&["--port", port]);
    assert_eq!(height(&place.proxy), Got::Result(json!("0x0")));
}

#[test]
fn the_chain_is_steered_and_its_accounts_are_those_of_the_keystores() {
    let anvil = Anvil::with_finality();
    let folder = tempfile::tempdir().unwrap();
    let accounts = anvil.accounts();
    for (number, account) in accounts[..4].iter().enumerate() {
        assert_eq!(Committer::within(folder.path(), number).address, *account);
    }
    let (from, to) = (accounts[0], accounts[1]);
    anvil.set_mining(Mining::OnCommand);
    let transfer = json!([{ "from": from, "to": to }]);
    let send = || anvil.ask(SEND, &transfer).unwrap().as_str().unwrap().parse().unwrap();
    let (first, second) = (send(), send());
    assert_eq!(anvil.waiting(from), [first, second]);
    anvil.drop_transaction(second);
    assert_eq!(anvil.waiting(from), [first]);
    let (before, snapshot) = (anvil.latest(), anvil.snapshot());
    anvil.mine(1);
    assert_eq!((anvil.nonce(from), anvil.waiting(from).len()), (1, 0));
    // What was in a block that is taken back is gone, and another block has its number.
    let mined = anvil.latest();
    anvil.rollback(1);
    assert_eq!((anvil.latest(), anvil.nonce(from), anvil.waiting(from).len()), (before, 0, 0));
    anvil.advance_time(3);
    anvil.mine(1);
    let other = anvil.latest();
    assert!(other.number == mined.number && other.hash != mined.hash && other.time > mined.time);
    anvil.revert(&snapshot);
    assert_eq!(anvil.latest(), before);
    anvil.set_mining(Mining::AtOnce);
    let stranger = "0x00000000000000000000000000000000000000aa".parse().unwrap();
    anvil.set_balance(stranger, "1000000000000000000".parse().unwrap());
    assert!(anvil.send_as(stranger, Some(to), &[], 21_000).is_good);
    anvil.mine_at_base_fee("7000000000".parse().unwrap());
    assert_eq!(anvil.latest().number - anvil.finalized().number, 2);
    anvil.set_mining(Mining::EverySeconds(1));
    let now = anvil.latest().number;
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(anvil.latest().number > now);
}

#[test]
fn a_chain_of_the_op_stacks_kind_starts() {
    let anvil = Anvil::optimism();
    anvil.mine(3);
    assert_eq!((anvil.latest().number, anvil.finalized().number), (3, 1));
}
