//! One session on one non-blocking socket: bytes out, whole reply frames in.
//!
//! It opens the session too, in groups: the sessions of a group share the server's fsync, and a
//! group is smaller than the listen queue of any server (`ZooKeeper`'s is 50).

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use mio::{Interest, Registry, Token};

use crate::options::Options;
use crate::wire::{self, ReplyHeader};

const OPEN_GROUP: usize = 40;
const OPEN_DEADLINE: Duration = Duration::from_mins(1);
const READ_BYTES: usize = 256 << 10;

pub struct Channel {
    stream: mio::net::TcpStream,
    /// Index of the connection in the whole run, over all threads.
    pub number: usize,
    pub timeout_ms: i32,
    incoming: Vec<u8>,
    pub outgoing: Vec<u8>,
}

impl Channel {
    /// Opens the sessions `numbers`; fails if one of them cannot be had.
    pub fn open_all(options: &Options, numbers: &[usize]) -> Result<Vec<Self>, String> {
        let mut channels = Vec::with_capacity(numbers.len());
        for group in numbers.chunks(OPEN_GROUP) {
            let opening = group
                .iter()
                .map(|number| begin_open(options, *number))
                .collect::<io::Result<Vec<_>>>()
                .map_err(|error| format!("cannot connect: {error}"))?;
            for (number, stream) in group.iter().zip(opening) {
                let channel = finish_open(stream, *number);
                channels.push(channel.map_err(|error| format!("no session: {error}"))?);
            }
        }
        Ok(channels)
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Writes what the socket takes; the rest waits for the next writable event.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        self.outgoing.drain(..written);
        Ok(())
    }

    /// Reads all that is there and hands each reply's header to `on_reply`.
    pub fn receive(
        &mut self,
        scratch: &mut Scratch,
        mut on_reply: impl FnMut(ReplyHeader) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let count = match self.stream.read(&mut scratch.0) {
                Ok(0) => return Err("the server closed the connection".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            self.split(&scratch.0[..count], &mut on_reply)?;
            // A short read has emptied the socket: the next bytes bring a new event.
            if count < scratch.0.len() {
                return Ok(());
            }
        }
    }

    fn split(
        &mut self,
        bytes: &[u8],
        on_reply: &mut impl FnMut(ReplyHeader) -> Result<(), String>,
    ) -> Result<(), String> {
        // Most reads bring whole frames: then nothing is copied.
        if self.incoming.is_empty() {
            let taken = split_frames(bytes, on_reply)?;
            self.incoming.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        self.incoming.extend_from_slice(bytes);
        let taken = split_frames(&self.incoming, on_reply)?;
        self.incoming.drain(..taken);
        Ok(())
    }
}

/// The buffer that all sockets of a thread are read into.
pub struct Scratch(Vec<u8>);

impl Scratch {
    pub fn new() -> Self {
        Self(vec![0; READ_BYTES])
    }
}

fn split_frames(
    bytes: &[u8],
    on_reply: &mut impl FnMut(ReplyHeader) -> Result<(), String>,
) -> Result<usize, String> {
    let mut taken = 0;
    while let Some(frame) = wire::first_frame(&bytes[taken..])? {
        taken += 4 + frame.len();
        on_reply(wire::reply_header(frame)?)?;
    }
    Ok(taken)
}

fn begin_open(options: &Options, number: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&options.host(number), OPEN_DEADLINE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(OPEN_DEADLINE))?;
    let mut hello = Vec::new();
    wire::put_connect(&mut hello, options.timeout_ms);
    stream.write_all(&hello)?;
    Ok(stream)
}

fn finish_open(mut stream: TcpStream, number: usize) -> Result<Channel, String> {
    let text = |error: io::Error| error.to_string();
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(text)?;
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > wire::REPLY_BYTES_MAX {
        return Err("a connect response with an absurd length".into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).map_err(text)?;
    let timeout_ms = wire::connect_timeout_ms(&frame)?;
    if timeout_ms <= 0 {
        return Err("refused by the server".into());
    }
    stream.set_nonblocking(true).map_err(text)?;
    Ok(Channel {
        stream: mio::net::TcpStream::from_std(stream),
        number,
        timeout_ms,
        incoming: Vec::new(),
        outgoing: Vec::new(),
    })
}
