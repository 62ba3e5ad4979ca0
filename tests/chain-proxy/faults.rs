//! The rules in force, and what they make of one call. Pure: nothing here waits, listens or asks.

use std::time::Duration;

use serde_json::{Value, json};
use witness_tests::{Fault, Rule};

use crate::stale::{self, Heights};

/// One call of JSON-RPC.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Call {
    /// Reads one; none if it is no call.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let method = value.get("method")?.as_str()?.to_owned();
        let member = |name: &str| value.get(name).cloned().unwrap_or_default();
        Some(Self { id: member("id"), method, params: member("params") })
    }

    /// An answer to it.
    pub(crate) fn error(&self, code: i64, message: &str) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.id, "error": { "code": code, "message": message } })
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    /// Where the chain stood when they came.
    heights: Heights,
}

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>, heights: Heights) -> Self {
        Self { rules, heights }
    }

    /// What they make of a call; each that fits it is spent by one.
    pub(crate) fn treat(&mut self, call: &Call) -> Treatment {
        let mut treatment = Treatment::default();
        for rule in self.rules.iter_mut().filter(|rule| fits(rule, call)) {
            rule.times = rule.times.map(|times| times - 1);
            treatment.add(&rule.fault, self.heights);
        }
        treatment
    }
}

fn fits(rule: &Rule, call: &Call) -> bool {
    let contains = |text: &String| call.params.to_string().contains(text.as_str());
    (rule.method == "*" || rule.method == call.method)
        && rule.times != Some(0)
        && rule.containing.as_ref().is_none_or(contains)
}

/// That the node does not get a call, and what the caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Close,
    Status(u16),
    Error(i64, String),
}

/// What is done with one call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Treatment {
    pub(crate) delay: Duration,
    pub(crate) refusal: Option<Refusal>,
    /// How often the node gets it.
    pub(crate) forwards: u32,
    pub(crate) is_answered: bool,
    stale: Option<Heights>,
    edits: Vec<Edit>,
}

/// A change of the result.
#[derive(Debug, Clone, PartialEq)]
enum Edit {
    Set(String, Value),
    HideReceipts,
}

impl Default for Treatment {
    fn default() -> Self {
        let (delay, refusal, stale, edits) = (Duration::ZERO, None, None, Vec::new());
        Self { delay, refusal, forwards: 1, is_answered: true, stale, edits }
    }
}

impl Treatment {
    fn add(&mut self, fault: &Fault, heights: Heights) {
        let mut refuse = |refusal| self.refusal = self.refusal.take().or(Some(refusal));
        match fault {
            Fault::DelayMs(ms) => self.delay += Duration::from_millis(*ms),
            Fault::DropAnswer => self.is_answered = false,
            Fault::Close => refuse(Refusal::Close),
            Fault::Status(status) => refuse(Refusal::Status(*status)),
            Fault::Error { code, message } => refuse(Refusal::Error(*code, message.clone())),
            Fault::Repeat => self.forwards += 1,
            Fault::Falsify { pointer, value } => {
                self.edits.push(Edit::Set(pointer.clone(), value.clone()));
            }
            Fault::Stale => self.stale = Some(heights),
            Fault::HideReceipts => self.edits.push(Edit::HideReceipts),
        }
    }

    /// The call as the node gets it.
    pub(crate) fn forwarded(&self, call: &Call) -> Value {
        let mut params = call.params.clone();
        if let Some(heights) = self.stale {
            stale::ask_for_old(&call.method, &mut params, heights);
        }
        json!({ "jsonrpc": "2.0", "id": call.id, "method": call.method, "params": params })
    }

    /// The answer as the caller gets it. An error of the node's stays one, unless the whole result is falsified.
    pub(crate) fn alter(&self, method: &str, answer: &mut Value) {
        let Some(answer) = answer.as_object_mut() else { return };
        if let (Some(heights), Some(result)) = (self.stale, answer.get_mut("result")) {
            stale::withhold_new(method, result, heights);
        }
        for edit in &self.edits {
            match (edit, answer.get_mut("result")) {
                (Edit::Set(pointer, value), _) if pointer.is_empty() => {
                    answer.remove("error");
                    answer.insert("result".to_owned(), value.clone());
                }
                (Edit::Set(pointer, value), Some(result)) => set(result, pointer, value),
                (Edit::HideReceipts, Some(result)) => hide_receipts(method, result),
                (_, None) => {}
            }
        }
    }
}

/// Puts a value where a pointer of at least one step leads, if what it goes into is there.
fn set(result: &mut Value, pointer: &str, value: &Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let Some(parent) = result.pointer_mut(parent) else { return };
    if let Some(members) = parent.as_object_mut() {
        members.insert(last.replace("~1", "/").replace("~0", "~"), value.clone());
    } else if let Ok(place) = last.parse::<usize>()
        && let Some(element) = parent.get_mut(place)
    {
        *element = value.clone();
    }
}

fn hide_receipts(method: &str, result: &mut Value) {
    match method {
        "eth_getTransactionReceipt" | "eth_getBlockReceipts" => *result = Value::Null,
        "eth_getLogs" => *result = json!([]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, params: &Value) -> Call {
        let value = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        Call::read(&value).unwrap()
    }

    fn rules(rules: &[Rule]) -> Rules {
        Rules::new(rules.to_vec(), Heights { latest: 5, finalized: 3 })
    }

    fn altered(fault: &Fault, method: &str, result: &Value) -> Value {
        let mut treatment = Treatment::default();
        treatment.add(fault, Heights::default());
        let mut answer = json!({ "id": 7, "result": result });
        treatment.alter(method, &mut answer);
        answer["result"].take()
    }

    fn falsify(pointer: &str, value: Value) -> Fault {
        Fault::Falsify { pointer: pointer.to_owned(), value }
    }

    #[test]
    fn without_a_rule_a_call_is_passed_on_as_it_came() {
        let call = call("eth_call", &json!([{ "to": "0x1" }, "latest"]));
        let treatment = Rules::default().treat(&call);
        assert_eq!(treatment, Treatment::default());
        let forwarded = treatment.forwarded(&call);
        assert_eq!(Call::read(&forwarded), Some(call));
        assert_eq!(Call::read(&json!({ "id": 1 })), None);
    }

    #[test]
    fn a_rule_is_for_its_method_its_parameters_and_its_number_of_calls() {
        let mut rules = rules(&[
            Rule::on("a", Fault::DropAnswer).times(2),
            Rule::on("b", Fault::Close).containing("0xbeef"),
            Rule::always(Fault::DelayMs(5)),
        ]);
        let (plain, other) = (json!([]), json!([{ "data": "0xbeef00" }]));
        for is_answered in [false, false, true] {
            let treatment = rules.treat(&call("a", &plain));
            assert_eq!(treatment.is_answered, is_answered);
            assert_eq!((treatment.delay.as_millis(), treatment.refusal), (5, None));
        }
        assert_eq!(rules.treat(&call("b", &plain)).refusal, None);
        assert_eq!(rules.treat(&call("b", &other)).refusal, Some(Refusal::Close));
    }

    #[test]
    fn faults_add_up_and_the_first_refusal_holds() {
        let error = Fault::Error { code: -32_000, message: "already known".to_owned() };
        let faults = [Fault::DelayMs(5), Fault::Repeat, error, Fault::Close, Fault::DelayMs(6)];
        let treatment = rules(&faults.map(Rule::always)).treat(&call("a", &json!([])));
        assert_eq!((treatment.delay.as_millis(), treatment.forwards), (11, 2));
        assert_eq!(treatment.refusal, Some(Refusal::Error(-32_000, "already known".to_owned())));
    }

    #[test]
    fn any_part_of_a_result_can_be_another_one() {
        let header = json!({ "hash": "0x1", "uncles": ["0x2"], "a/b": 1 });
        let with = |pointer: &str| altered(&falsify(pointer, json!("0x9")), "m", &header);
        assert_eq!(with("/hash")["hash"], "0x9");
        assert_eq!(with("/new")["new"], "0x9");
        assert_eq!(with("/uncles/0")["uncles"], json!(["0x9"]));
        assert_eq!(with("/a~1b")["a/b"], "0x9");
        assert_eq!(with(""), "0x9");
        for nowhere in ["/uncles/1", "/none/hash", "/hash/x", "hash"] {
            assert_eq!(with(nowhere), header, "{nowhere}");
        }
        assert_eq!(altered(&falsify("/hash", json!("0x9")), "m", &Value::Null), Value::Null);
    }

    #[test]
    fn an_error_stays_one_unless_the_whole_result_is_falsified() {
        let error = json!({ "id": 7, "error": { "code": 3 } });
        for (pointer, expected) in [("/x", error.clone()), ("", json!({ "id": 7, "result": 1 }))] {
            let mut treatment = Treatment::default();
            treatment.add(&falsify(pointer, json!(1)), Heights::default());
            let mut answer = error.clone();
            treatment.alter("m", &mut answer);
            assert_eq!(answer, expected);
        }
    }

    #[test]
    fn hidden_receipts_leave_nothing_of_a_transaction_but_itself() {
        let hidden = |method: &str| altered(&Fault::HideReceipts, method, &json!([{ "a": 1 }]));
        assert_eq!(hidden("eth_getTransactionReceipt"), Value::Null);
        assert_eq!(hidden("eth_getBlockReceipts"), Value::Null);
        assert_eq!(hidden("eth_getLogs"), json!([]));
        assert_eq!(hidden("eth_getTransactionByHash"), json!([{ "a": 1 }]));
    }

    #[test]
    fn a_stale_node_is_asked_for_the_blocks_of_then() {
        let asked = call("eth_call", &json!([{ "to": "0x1" }, "latest"]));
        let treatment = rules(&[Rule::always(Fault::Stale)]).treat(&asked);
        assert_eq!(treatment.forwarded(&asked)["params"][1], "0x5");
    }
}
