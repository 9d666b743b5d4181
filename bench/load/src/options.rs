//! The command line: every knob, its default and its unit. Nothing is read from elsewhere.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use lexopt::prelude::*;

use crate::workload::Mix;

pub const USAGE: &str = "\
raftkeeper-load run|preload|idle --hosts HOST:PORT[,HOST:PORT...] [options]

run      measure: every connection keeps --depth requests outstanding
preload  create --znodes znodes of --value-bytes under --root, pipelined
idle     hold --connections sessions that only ping, for --seconds

  --connections N      sessions, spread over the hosts in turn (30)
  --depth N            requests outstanding on each connection (1)
  --op NAME            get | set | create | list | mixed | rw (get)
                       mixed: create 1 %, delete 1 %, set 8 %, get 45 %, list 45 %
                       rw: get 70 %, set 30 %
  --value-bytes N      (100)
  --znodes N           znodes that gets and sets choose from, or to preload (1000)
  --seconds S          measured time (5)
  --warm-up S          time before it that does not count (1)
  --threads N          (1)
  --timeout-ms N       session timeout asked for (30000)
  --root PATH          (/bench)
  --skip-setup         the znodes are there already (preload made them)
  --keep               do not delete afterwards what the run created";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Run,
    Preload,
    Idle,
}

#[derive(Clone)]
pub struct Options {
    pub command: Command,
    pub hosts: Vec<SocketAddr>,
    pub connections: usize,
    pub depth: usize,
    pub mix: Mix,
    pub value_bytes: usize,
    pub znodes: u64,
    pub measured: Duration,
    pub warm_up: Duration,
    pub threads: usize,
    pub timeout_ms: i32,
    pub root: String,
    pub setup: bool,
    pub clean: bool,
}

impl Options {
    pub fn from_arguments() -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_env();
        let command = match parser.next()? {
            Some(Value(word)) => match word.to_str() {
                Some("run") => Command::Run,
                Some("preload") => Command::Preload,
                Some("idle") => Command::Idle,
                _ => return Err("the first word is run, preload or idle".into()),
            },
            _ => return Err("the first word is run, preload or idle".into()),
        };
        let mut options = Self::defaults(command);
        while let Some(argument) = parser.next()? {
            options.take(&argument_name(argument)?, &mut parser)?;
        }
        options.check()?;
        Ok(options)
    }

    fn defaults(command: Command) -> Self {
        Self {
            command,
            hosts: Vec::new(),
            connections: 30,
            depth: 1,
            mix: Mix::Get,
            value_bytes: 100,
            znodes: 1000,
            measured: Duration::from_secs(5),
            warm_up: Duration::from_secs(1),
            threads: 1,
            timeout_ms: 30_000,
            root: "/bench".into(),
            setup: true,
            clean: true,
        }
    }

    fn take(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        match name {
            "hosts" => self.hosts = resolve(&parser.value()?.string()?)?,
            "connections" => self.connections = parser.value()?.parse()?,
            "depth" => self.depth = parser.value()?.parse()?,
            "op" => self.mix = parser.value()?.parse()?,
            "value-bytes" => self.value_bytes = parser.value()?.parse()?,
            "znodes" => self.znodes = parser.value()?.parse()?,
            "seconds" => self.measured = seconds(parser)?,
            "warm-up" => self.warm_up = seconds(parser)?,
            "threads" => self.threads = parser.value()?.parse()?,
            "timeout-ms" => self.timeout_ms = parser.value()?.parse()?,
            "root" => self.root = parser.value()?.string()?,
            "skip-setup" => self.setup = false,
            "keep" => self.clean = false,
            other => return Err(format!("no such option: --{other}").into()),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), lexopt::Error> {
        if self.hosts.is_empty() {
            return Err("--hosts is needed".into());
        }
        if self.connections == 0 || self.depth == 0 || self.threads == 0 || self.znodes == 0 {
            return Err("--connections, --depth, --threads and --znodes are at least 1".into());
        }
        if !self.root.starts_with('/') || self.root.len() < 2 {
            return Err("--root is an absolute path below /".into());
        }
        Ok(())
    }

    /// The host of the `number`th connection.
    pub fn host(&self, number: usize) -> SocketAddr {
        self.hosts[number % self.hosts.len()]
    }
}

fn argument_name(argument: lexopt::Arg<'_>) -> Result<String, lexopt::Error> {
    match argument {
        Long(name) => Ok(name.to_owned()),
        other => Err(other.unexpected()),
    }
}

fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let value: f64 = parser.value()?.parse()?;
    Duration::try_from_secs_f64(value).map_err(|error| error.to_string().into())
}

fn resolve(list: &str) -> Result<Vec<SocketAddr>, lexopt::Error> {
    list.split(',')
        .map(|host| {
            host.to_socket_addrs()
                .ok()
                .and_then(|mut addresses| addresses.next())
                .ok_or_else(|| format!("not a HOST:PORT: {host}").into())
        })
        .collect()
}
