//! What a snapshot holds, whatever the node's slots are.

use super::super::*;

pub fn snapshot(node: &mut Node) -> Vec<u8> {
    node.front.snapshot_begin();
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        node.front.snapshot_next(1 << 16, &mut bytes);
        if bytes.len() == before {
            return bytes;
        }
    }
}

/// A snapshot without its frames: all but the znodes, and the rest of each znode by its path. Slots
/// are a node's own affair.
pub fn records(node: &mut Node) -> (Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>) {
    let (bytes, mut others, mut znodes) = (snapshot(node), Vec::new(), BTreeMap::new());
    let mut reader = Reader::new(&bytes);
    while let (Ok(tag), Ok(length)) = (reader.u8(), reader.u32()) {
        let mut payload = Reader::new(reader.take(length as usize).unwrap_or_default());
        if tag != 4 {
            others.extend_from_slice(payload.rest());
            continue;
        }
        while let Ok(length) = payload.u32() {
            let mut record = Reader::new(payload.take(length as usize).unwrap_or_default());
            let (slot, parent) = (record.u32().unwrap_or(0), record.u32().unwrap_or(0));
            let mut rest = record;
            let stamps = if record.u8().is_ok_and(|flags| flags & 1 != 0) { 12 } else { 0 };
            let _ = record.take(stamps);
            let name_length = record.u8().unwrap_or(0);
            let name = record.take(name_length.into()).unwrap_or_default().to_vec();
            let all = rest.rest().len();
            znodes.insert(slot, (parent, name, rest.take(all).unwrap_or_default().to_vec()));
        }
    }
    let mut by_path = BTreeMap::new();
    for (slot, (_, _, content)) in &znodes {
        let (mut path, mut at) = (Vec::new(), *slot);
        while let Some((parent, name, _)) = znodes.get(&at).filter(|znode| !znode.1.is_empty()) {
            path.splice(0..0, [&b"/"[..], name].concat());
            at = *parent;
        }
        by_path.insert(path, content.clone());
    }
    assert_eq!(by_path.len(), znodes.len());
    (others, by_path)
}
