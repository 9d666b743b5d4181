//! `raftkeeper-load`: puts load on any server that speaks the `ZooKeeper` client protocol.
//!
//! Three modes: `run` keeps a number of requests outstanding on each connection and measures,
//! `preload` fills the tree, `idle` holds sessions that only ping. One JSON object on standard
//! output is the result. It never looks at the server's process: that is the caller's business.

mod channel;
mod histogram;
mod idle;
mod layout;
mod options;
mod pipeline;
mod preload;
mod report;
mod run;
mod wire;
mod worker;
mod workload;

use std::process::ExitCode;

use options::{Command, Options};

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("raftkeeper-load: {error}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match options.command {
        Command::Run => run::run(&options),
        Command::Preload => preload::preload(&options),
        Command::Idle => idle::idle(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raftkeeper-load: {error}");
            ExitCode::FAILURE
        }
    }
}
