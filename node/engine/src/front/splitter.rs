//! Cuts the byte stream of a connection into frames (`i32 length`, payload).
//!
//! A frame that lies whole in one read is lent from it, without a copy. Only what is cut off by the
//! end of a read is kept, and only bytes that arrived take memory, whatever a length claims.

/// A length that no frame may have; the connection cannot go on, since the stream is out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLength(pub i32);

/// What the front of the input was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A frame, lent from the input.
    Whole(&'a [u8]),
    /// A frame that began in an earlier read; it is in the splitter until the next call.
    Gathered,
    /// No whole frame is left.
    Unfinished,
}

/// The unfinished frame of one connection.
#[derive(Debug, Default)]
pub struct Splitter {
    /// Length field and payload so far; empty between frames.
    partial: Vec<u8>,
    /// `partial` was lent out whole and is to be emptied before anything else.
    lent: bool,
}

const LENGTH_BYTES: usize = 4;
/// A buffer that grew beyond this for one big frame is given back afterwards.
const PARTIAL_KEPT_BYTES_MAX: usize = 4096;

impl Splitter {
    /// Moves `input` past its next whole frame, or keeps an unfinished rest.
    pub fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        frame_bytes_max: usize,
    ) -> Result<Cut<'a>, BadLength> {
        self.forget_lent();
        if self.partial.is_empty() {
            let Some((head, tail)) = input.split_first_chunk::<LENGTH_BYTES>() else {
                self.keep(input, usize::MAX);
                return Ok(Cut::Unfinished);
            };
            let length = checked_length(*head, frame_bytes_max)?;
            if let Some((frame, rest)) = tail.split_at_checked(length) {
                *input = rest;
                return Ok(Cut::Whole(frame));
            }
            self.keep(input, usize::MAX);
            return Ok(Cut::Unfinished);
        }
        self.finish_partial(input, frame_bytes_max)
    }

    /// The frame that `Cut::Gathered` spoke of.
    pub fn gathered(&self) -> &[u8] {
        self.partial.get(LENGTH_BYTES..).unwrap_or_default()
    }

    fn finish_partial<'a>(
        &mut self,
        input: &mut &'a [u8],
        frame_bytes_max: usize,
    ) -> Result<Cut<'a>, BadLength> {
        self.keep(input, LENGTH_BYTES.saturating_sub(self.partial.len()));
        let Some(head) = self.partial.first_chunk::<LENGTH_BYTES>() else {
            return Ok(Cut::Unfinished);
        };
        let whole = LENGTH_BYTES + checked_length(*head, frame_bytes_max)?;
        self.keep(input, whole - self.partial.len());
        if self.partial.len() < whole {
            return Ok(Cut::Unfinished);
        }
        self.lent = true;
        Ok(Cut::Gathered)
    }

    /// Moves at most `count` bytes from `input` to the unfinished frame.
    fn keep(&mut self, input: &mut &[u8], count: usize) {
        let (head, rest) = input.split_at(count.min(input.len()));
        self.partial.extend_from_slice(head);
        *input = rest;
    }

    fn forget_lent(&mut self) {
        if self.lent {
            self.lent = false;
            self.partial.clear();
            if self.partial.capacity() > PARTIAL_KEPT_BYTES_MAX {
                self.partial = Vec::new();
            }
        }
    }
}

fn checked_length(head: [u8; LENGTH_BYTES], frame_bytes_max: usize) -> Result<usize, BadLength> {
    let claimed = i32::from_be_bytes(head);
    match usize::try_from(claimed) {
        Ok(length) if length <= frame_bytes_max => Ok(length),
        _ => Err(BadLength(claimed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]], max: usize) -> Result<Vec<Vec<u8>>, BadLength> {
        let mut splitter = Splitter::default();
        let mut frames = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            loop {
                match splitter.next(&mut rest, max)? {
                    Cut::Whole(frame) => frames.push(frame.to_vec()),
                    Cut::Gathered => frames.push(splitter.gathered().to_vec()),
                    Cut::Unfinished => break,
                }
            }
            assert!(rest.is_empty());
        }
        Ok(frames)
    }

    fn stream() -> (Vec<u8>, Vec<Vec<u8>>) {
        let frames = vec![b"first".to_vec(), Vec::new(), vec![7; 300], b"z".to_vec()];
        let mut bytes = Vec::new();
        for frame in &frames {
            bytes.extend_from_slice(&(frame.len() as i32).to_be_bytes());
            bytes.extend_from_slice(frame);
        }
        (bytes, frames)
    }

    /// Two cuts anywhere in the stream change nothing of the frames.
    #[test]
    fn every_cut_gives_the_same_frames() {
        let (bytes, frames) = stream();
        for first in 0..=bytes.len() {
            for second in (first..=bytes.len()).step_by(3) {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(split(&pieces, 1000), Ok(frames.clone()), "cut at {first}, {second}");
            }
        }
    }

    /// Bytes that come one at a time are frames like any other.
    #[test]
    fn single_bytes_gather_into_frames() {
        let (bytes, frames) = stream();
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(split(&pieces, 1000), Ok(frames));
    }

    /// The limit itself passes, one byte more and any negative length do not.
    #[test]
    fn length_outside_the_limit_is_refused() {
        assert_eq!(split(&[&[0, 0, 0, 2, 1, 1]], 2), Ok(vec![vec![1, 1]]));
        assert_eq!(split(&[&[0, 0, 0, 3]], 2), Err(BadLength(3)));
        assert_eq!(split(&[&[0xFF, 0xFF, 0xFF], &[0xFF]], 2), Err(BadLength(-1)));
        assert_eq!(split(&[&[0x7F, 0xFF, 0xFF, 0xFF]], 2), Err(BadLength(i32::MAX)));
    }

    /// A claimed length takes no memory before its bytes arrive.
    #[test]
    fn claimed_length_allocates_nothing() {
        let mut splitter = Splitter::default();
        let mut rest: &[u8] = &[0, 0x0F, 0xFF, 0xFF, 1, 2, 3];
        assert_eq!(splitter.next(&mut rest, 0xF_FFFF), Ok(Cut::Unfinished));
        assert!(splitter.partial.capacity() < 64);
    }
}
