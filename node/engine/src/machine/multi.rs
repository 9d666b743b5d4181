//! multi: several writes as one, all or none, at one zxid; and the framing that multiRead shares.

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader, Writer};
use crate::ops;

use super::context::Context;
use super::create::Create;
use super::delete::Delete;
use super::effects::Effects;
use super::set::{Check, SetData};
use super::tree::Tree;

/// One operation of a multi.
#[derive(Clone, Copy, Debug)]
enum Operation<'a> {
    Create(Create<'a>),
    Delete(Delete<'a>),
    SetData(SetData<'a>),
    Check(Check<'a>),
}

impl<'a> Operation<'a> {
    fn read(op: i32, body: &mut Reader<'a>) -> Result<Self, Malformed> {
        // They all begin with a path, and ZooKeeper reads no multi that has null for one.
        let mut ahead = *body;
        ahead.path()?;
        Ok(match op {
            ops::CREATE | ops::CREATE2 | ops::CREATE_CONTAINER | ops::CREATE_TTL => {
                Self::Create(Create::read(op, body)?.in_multi()?)
            }
            ops::DELETE => Self::Delete(Delete::read(body)?),
            ops::SET_DATA => Self::SetData(SetData::read(body)?),
            ops::CHECK => Self::Check(Check::read(body)?),
            _ => return Err(Malformed),
        })
    }

    /// The type in the header of its result.
    const fn result_op(&self) -> i32 {
        match self {
            Self::Create(create) if create.answers_stat() => ops::CREATE2,
            Self::Create(_) => ops::CREATE,
            Self::Delete(_) => ops::DELETE,
            Self::SetData(_) => ops::SET_DATA,
            Self::Check(_) => ops::CHECK,
        }
    }

    fn run(
        &self,
        tree: &mut Tree,
        context: &Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        match self {
            Self::Create(create) => create.run(tree, context, effects),
            Self::Delete(delete) => delete.run(tree, context, effects),
            Self::SetData(set) => set.run(tree, context, effects),
            Self::Check(check) => check.run(tree, context),
        }
    }
}

/// How a multi ended when it did not end well.
pub enum Failure {
    /// It has this answer instead of results.
    Refused(ErrorCode),
    /// What it had done could not be taken back: the node must not go on.
    Stuck,
}

/// Carries out a multi. That a sub-operation failed is a success: the body of the answer tells.
pub fn run(
    tree: &mut Tree,
    body: &[u8],
    context: &Context<'_>,
    effects: &mut Effects,
) -> Result<(), Failure> {
    let count =
        count_operations(body).map_err(|_| Failure::Refused(ErrorCode::MARSHALLING_ERROR))?;
    let start = effects.mark();
    tree.begin();
    let mut reader = Reader::new(body);
    for index in 0..count {
        let outcome = match next_operation(&mut reader) {
            Ok(Some(operation)) => {
                put_header(operation.result_op(), false, 0, &mut effects.body);
                operation.run(tree, context, effects)
            }
            // Counted a moment ago, so neither happens.
            Ok(None) => break,
            Err(Malformed) => Err(ErrorCode::MARSHALLING_ERROR),
        };
        if let Err(error) = outcome {
            effects.back_to(start);
            if tree.roll_back().is_err() {
                return Err(Failure::Stuck);
            }
            if error == ErrorCode::SESSION_MOVED {
                return Err(Failure::Refused(error));
            }
            put_errors(index, error, count, &mut effects.body);
            return Ok(());
        }
    }
    tree.commit();
    put_end(&mut effects.body);
    Ok(())
}

/// Whether something in it asks for a TTL znode; one that does not decode is answered when its turn comes.
pub fn asks_for_ttl(body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    while let Ok(Some(operation)) = next_operation(&mut reader) {
        if matches!(operation, Operation::Create(create) if create.asks_for_ttl()) {
            return true;
        }
    }
    false
}

/// The whole multi is read before any of it is carried out.
fn count_operations(body: &[u8]) -> Result<usize, Malformed> {
    let mut reader = Reader::new(body);
    let mut count = 0;
    while next_operation(&mut reader)?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn next_operation<'a>(reader: &mut Reader<'a>) -> Result<Option<Operation<'a>>, Malformed> {
    match read_header(reader)? {
        None => Ok(None),
        Some(op) => Operation::read(op, reader).map(Some),
    }
}

/// The type of the next sub-request; `None` at the end.
pub fn read_header(reader: &mut Reader<'_>) -> Result<Option<i32>, Malformed> {
    let (op, done, _) = (reader.i32()?, reader.bool()?, reader.i32()?);
    Ok(if done { None } else { Some(op) })
}

pub fn put_header(op: i32, done: bool, error: i32, out: &mut Vec<u8>) {
    out.put_i32(op);
    out.put_bool(done);
    out.put_i32(error);
}

pub fn put_end(out: &mut Vec<u8>) {
    put_header(-1, true, -1, out);
}

/// A result that is an error.
pub fn put_error(error: ErrorCode, out: &mut Vec<u8>) {
    put_header(ops::ERROR, false, error.0, out);
    out.put_i32(error.0);
}

/// The answer of a multi whose operation `failed` had `error`: OK before it, and after it a code that
/// says that those were not tried.
fn put_errors(failed: usize, error: ErrorCode, count: usize, out: &mut Vec<u8>) {
    for index in 0..count {
        put_error(
            match index.cmp(&failed) {
                core::cmp::Ordering::Less => ErrorCode::OK,
                core::cmp::Ordering::Equal => error,
                core::cmp::Ordering::Greater => ErrorCode::RUNTIME_INCONSISTENCY,
            },
            out,
        );
    }
    put_end(out);
}
