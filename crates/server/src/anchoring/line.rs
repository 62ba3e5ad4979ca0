//! How a contract stands, as one line of text for programs.

use witness_core::rollup::Contract;

use super::Standing;

/// `<contract> <state> <newest sequence> <its block's time, s> <spent in 24 h, wei> <balance, wei> <days that it lasts>
/// <next anchor, s> <why>`; a hyphen for what is not known.
pub(crate) fn line(contract: Contract, standing: &Standing) -> String {
    let status = standing.status.as_ref();
    let newest = status.and_then(|status| status.newest_evidenced);
    let fields = [
        newest.map(|stand| stand.sequence.to_string()),
        newest.map(|stand| stand.block.time.to_string()),
        status.map(|status| status.spent_day.to_string()),
        status.and_then(|status| Some(status.balance?.to_string())),
        status.and_then(|status| Some(status.runway_days?.to_string())),
        status.and_then(|status| Some(status.next_at?.seconds().to_string())),
    ];
    let fields = fields.map(|field| field.unwrap_or_else(|| "-".to_owned())).join(" ");
    let line = format!("{contract} {} {fields} {}", state(standing), why(standing));
    line.trim_end().to_owned() + "\n"
}

fn state(standing: &Standing) -> &'static str {
    let newest = standing.status.as_ref().and_then(|status| status.newest_evidenced);
    match newest {
        _ if standing.is_halted() => "halted",
        Some(_) if standing.alarms() == 0 => "anchored",
        Some(_) | None => "waiting",
    }
}

/// What an operator should know, on one line.
pub(super) fn why(standing: &Standing) -> String {
    let status = standing.status.as_ref();
    let alarms = status.iter().flat_map(|status| &status.alarms).map(ToString::to_string);
    let mut all: Vec<String> = standing.ended.iter().cloned().chain(alarms).collect();
    // Before the first look nothing is raised yet, and what halted it is in its memory.
    let halted = status.and_then(|status| status.halted.as_ref()).map(ToString::to_string);
    all.extend(halted.filter(|halted| !all.iter().any(|it| it.contains(halted.as_str()))));
    all.extend(standing.not_compared.iter().chain(&standing.refused_nodes).cloned());
    all.join("; ").replace(|character: char| character.is_control(), " ")
}
