//! The list of published checkpoints, as a log gives it. Nobody signs it: what it leaves out shows only
//! where a signed checkpoint is missing in it.

use witness_core::text::decimal;

/// Sizes, one on each line: a decimal, or a JSON object with the member `size`. Ascending, none below `from`.
pub(super) fn read_sizes(page: &[u8], from: u64) -> Option<Vec<u64>> {
    let text = str::from_utf8(page).ok()?;
    let read = |line: &str| {
        if !line.starts_with('{') {
            return decimal(line);
        }
        let object: serde_json::Value = serde_json::from_str(line).ok()?;
        let size = object.get("size")?;
        size.as_u64().or_else(|| decimal(size.as_str()?))
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let sizes: Vec<u64> = lines.map(read).collect::<Option<_>>()?;
    let ascending =
        sizes.is_sorted_by(|a, b| a < b) && sizes.first().is_none_or(|first| *first >= from);
    ascending.then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_as_lines_or_objects_and_only_upwards() {
        assert_eq!(read_sizes(b"1\n5\n9\n", 1), Some(vec![1, 5, 9]));
        assert_eq!(read_sizes(b"{\"size\":\"7\",\"at\":1}\n{\"size\":8}\n", 3), Some(vec![7, 8]));
        assert_eq!(read_sizes(b"", 3), Some(vec![]));
        for bad in ["5\n5\n", "9\n5\n", "2\n", "x\n", "{}\n", "[1]\n"] {
            assert_eq!(read_sizes(bad.as_bytes(), 3), None, "{bad}");
        }
    }
}
