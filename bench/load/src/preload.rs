//! Fills the tree: directories first, then the znodes in them, over several connections.

use std::time::Instant;

use mio::Poll;

use crate::channel::Channel;
use crate::layout;
use crate::options::Options;
use crate::pipeline;
use crate::report;
use crate::wire;

/// More do not make a server faster: each has hundreds of requests on the way.
const CONNECTIONS: usize = 4;

pub fn preload(options: &Options) -> Result<(), String> {
    let started = Instant::now();
    let created = fill(options)?;
    report::print(&report::Preloaded {
        mode: "preload",
        created,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Creates what gets and sets need (and the listed directory); what is there already may stay.
pub fn fill(options: &Options) -> Result<u64, String> {
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    let numbers: Vec<usize> = (0..CONNECTIONS).collect();
    let mut channels = Channel::open_all(options, &numbers)?;
    pipeline::register(&poll, &mut channels)?;
    let value = layout::value(options.value_bytes);

    // One connection keeps its requests in order, so a parent is there before its children.
    let mut parents = parent_paths(options).into_iter();
    let tolerated = [wire::ERROR_NODE_EXISTS];
    let count = pipeline::drive(&mut poll, &mut channels, 1, &tolerated, |index, out, xid| {
        let path = if index == 0 { parents.next() } else { None };
        path.inspect(|path| wire::put_create(out, xid, path.as_bytes(), b"")).is_some()
    })?;
    let first_xid = 1 + count as i32;

    let mut next = 0;
    let mut path = Vec::new();
    let created =
        pipeline::drive(&mut poll, &mut channels, first_xid, &tolerated, |_, out, xid| {
            if next == options.znodes {
                return false;
            }
            layout::znode_path(&mut path, &options.root, next);
            next += 1;
            wire::put_create(out, xid, &path, &value);
            true
        })?;
    close(&mut poll, &mut channels, first_xid + created as i32)?;
    Ok(count + created)
}

/// Closes the sessions and waits for the replies, so that no close falls into a measurement.
pub fn close(poll: &mut Poll, channels: &mut [Channel], xid: i32) -> Result<(), String> {
    let mut asked = vec![false; channels.len()];
    pipeline::drive(poll, channels, xid, &[], |index, out, xid| {
        if asked[index] {
            return false;
        }
        asked[index] = true;
        wire::put_close(out, xid);
        true
    })?;
    Ok(())
}

fn parent_paths(options: &Options) -> Vec<String> {
    let root = &options.root;
    let slashes = root.match_indices('/').map(|(at, _)| at).skip(1);
    let mut paths: Vec<String> = slashes.map(|at| root[..at].to_owned()).collect();
    paths.push(root.clone());
    let directories = options.znodes.div_ceil(layout::DIRECTORY_SIZE);
    paths.extend((0..directories).map(|number| layout::directory_path(root, number)));
    if options.mix.lists() {
        paths.push(layout::list_parent(root));
        paths.extend((0..layout::LIST_CHILDREN).map(|number| layout::list_child(root, number)));
    }
    paths
}
