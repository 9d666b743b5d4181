//! Paths: which are valid, and how one is taken apart.
//!
//! The rules are ZooKeeper's, which judges UTF-16 units: whatever needs a surrogate pair is refused.
//! Nothing here looks at the tree.

use crate::error::ErrorCode;

/// The parts of `/zookeeper` that exist from the start and can never be deleted.
pub const PROC: &str = "/zookeeper";
pub const QUOTA: &str = "/zookeeper/quota";
pub const CONFIG: &str = "/zookeeper/config";

/// Checks a whole path, as it is about to become a znode or to be written to.
pub fn validate(path: &str) -> Result<(), ErrorCode> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(ErrorCode::BAD_ARGUMENTS);
    };
    if rest.is_empty() {
        return Ok(());
    }
    for name in rest.as_bytes().split(|&byte| byte == b'/') {
        if matches!(name, b"" | b"." | b"..") {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
    }
    // Nearly every path is printable ASCII, and then a look at its bytes is enough.
    if rest.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || rest.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(ErrorCode::BAD_ARGUMENTS)
    }
}

fn is_allowed(character: char) -> bool {
    !matches!(u32::from(character),
        0..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..)
}

/// Splits at the last slash: (parent, name), where the parent of `/a` is "". Only what a request needs
/// before the tree is asked: a slash somewhere, and no NUL.
pub fn split(path: &str) -> Result<(&str, &str), ErrorCode> {
    if path.as_bytes().contains(&0) {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    path.rsplit_once('/').ok_or(ErrorCode::BAD_ARGUMENTS)
}

/// A path that the service itself lives on: it cannot be deleted.
pub fn is_special(path: &str) -> bool {
    matches!(path, "/" | PROC | QUOTA | CONFIG)
}

/// Whether the tree may be asked for this path at all; any other path names no znode.
pub fn can_exist(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_zookeeper_hold() {
        for good in
            ["/", "/a", "/a/b", "/a b", "/...", "/a/.b", "/a../b", "/é", "/\u{a0}", "/\u{ffef}"]
        {
            assert_eq!(validate(good), Ok(()), "{good:?}");
        }
        for bad in [
            "",
            "a",
            "a/b",
            "/a/",
            "//",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/.",
            "/a/../b",
            "/a/./b",
            "/a\0",
            "/\u{1}",
            "/\u{1f}",
            "/\u{7f}",
            "/\u{9f}",
            "/\u{e000}",
            "/\u{f8ff}",
            "/\u{fff0}",
            "/\u{fffd}",
            "/\u{1f600}",
        ] {
            assert_eq!(validate(bad), Err(ErrorCode::BAD_ARGUMENTS), "{bad:?}");
        }
    }

    #[test]
    fn a_path_splits_at_its_last_slash() {
        assert_eq!(split("/a"), Ok(("", "a")));
        assert_eq!(split("/a/b"), Ok(("/a", "b")));
        assert_eq!(split("/a/"), Ok(("/a", "")));
        assert_eq!(split("a"), Err(ErrorCode::BAD_ARGUMENTS));
        assert_eq!(split("/a\0/b"), Err(ErrorCode::BAD_ARGUMENTS));
    }
}
