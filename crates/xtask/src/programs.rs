//! Programs of this workspace, built by a child cargo.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::environment::Environment;
use crate::process::output;
use crate::rocksdb::Library;

/// Builds what the arguments of `cargo build` select, in one go, and says where each of `names` is.
pub(crate) fn build<const SIZE: usize>(
    environment: &Environment,
    library: &Library,
    selection: &[&str],
    names: [&str; SIZE],
) -> Result<[PathBuf; SIZE]> {
    const BUILD: [&str; 2] = ["build", "--message-format=json-render-diagnostics"];
    let messages = output(&mut library.cargo(environment, &[&BUILD, selection].concat()))?;
    let mut built = [const { PathBuf::new() }; SIZE];
    for (place, name) in built.iter_mut().zip(names) {
        *place = executable(&messages, name)
            .with_context(|| format!("cargo did not say where {name} is"))?;
    }
    Ok(built)
}

/// Where a program was built, according to cargo's messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message.pointer("/target/name").is_some_and(|target| target == name))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_where_the_message_about_it_says() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a\"},\"executable\":null}\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"b\"},\"executable\":\"/b\"}\n",
        );
        assert_eq!(executable(messages, "a"), None);
        assert_eq!(executable(messages, "b"), Some("/b".into()));
    }
}
