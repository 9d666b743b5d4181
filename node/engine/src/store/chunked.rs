//! A table that grows by whole chunks: nothing it holds is ever moved, so growing never pauses.
//!
//! A chunk may be absent (a restored snapshot may use far apart slots); what is absent reads as
//! `None`. Only the list of chunks is reallocated: 16 bytes for every `CHUNK` items.

/// `CHUNK` items to a chunk, a power of two.
pub(super) struct Chunked<T, const CHUNK: usize> {
    chunks: Vec<Box<[T]>>,
    present: usize,
}

impl<T: Clone, const CHUNK: usize> Chunked<T, CHUNK> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), present: 0 }
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        let at = at as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        let at = at as usize;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// Makes the chunk that holds `at`, full of `empty`, unless it is there.
    pub(super) fn ensure(&mut self, at: u32, empty: &T) {
        let chunk = at as usize / CHUNK;
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Box::default);
        }
        if self.chunks[chunk].is_empty() {
            self.chunks[chunk] = vec![empty.clone(); CHUNK].into_boxed_slice();
            self.present += 1;
        }
    }

    /// Every item that is present, with its place, the last one first.
    pub(super) fn iter_mut_backwards(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.chunks.iter_mut().enumerate().rev().flat_map(|(chunk, items)| {
            let first = chunk * CHUNK;
            items.iter_mut().enumerate().rev().map(move |(at, item)| ((first + at) as u32, item))
        })
    }

    /// Bytes of memory held.
    pub(super) const fn bytes(&self) -> usize {
        self.present * CHUNK * size_of::<T>() + self.chunks.capacity() * size_of::<Box<[T]>>()
    }
}
