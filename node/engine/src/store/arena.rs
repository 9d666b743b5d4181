//! Memory for blocks: pages cut into cells of one size class, and larger blocks on their own.
//!
//! A page whose cells are all free goes back and may serve another class, or leaves for the system
//! allocator. Nothing is ever moved but the block that its owner rewrites. Handles are u32: a page
//! and an 8-byte unit in it, or with the top bit an entry in the table of large blocks. When the
//! pages that a handle can name are used up, small blocks go to that table as well, so that
//! storing never fails by the history of a node: that would make replicas differ.

use super::chunked::Chunked;
use super::slots::NIL;

const PAGE_BYTES: usize = 32 * 1024;
const UNIT_BYTES: usize = 8;
const UNIT_BITS: u32 = (PAGE_BYTES / UNIT_BYTES).ilog2();
/// Every page that a handle without the top bit can name: 16 GiB.
const PAGES_MAX: u32 = 1 << (31 - UNIT_BITS);
const LARGE: u32 = 1 << 31;
/// Blocks above this have an allocation of their own: a page would hold too few of them.
const SMALL_BYTES_MAX: usize = 4096;
/// Classes up to this size are 8 bytes apart, the ones above an eighth of their power of two.
const FINE_BYTES_MAX: usize = 256;
const FINE_CLASSES: usize = FINE_BYTES_MAX / UNIT_BYTES;
const CLASSES: usize = class_of(SMALL_BYTES_MAX) + 1;
/// Empty pages kept, so that a few znodes that come and go do not call the system each time.
const SPARE_PAGES_MAX: usize = 16;
/// Large allocations are multiples of this, so that a value may grow a little in place.
const LARGE_STEP_BYTES: usize = 512;
const NO_CELL: u16 = u16::MAX;

const fn class_of(bytes: usize) -> usize {
    if bytes <= FINE_BYTES_MAX {
        return bytes.saturating_sub(1) / UNIT_BYTES;
    }
    let last = bytes - 1;
    let power = last.ilog2();
    let eighth = (last >> (power - 3)) & 7;
    FINE_CLASSES + (power - FINE_BYTES_MAX.ilog2()) as usize * 8 + eighth
}

const fn class_bytes(class: usize) -> usize {
    if class < FINE_CLASSES {
        return (class + 1) * UNIT_BYTES;
    }
    let coarse = class - FINE_CLASSES;
    (9 + coarse % 8) << (FINE_BYTES_MAX.ilog2() as usize + coarse / 8 - 3)
}

/// One page. Empty `bytes` mean that this page number is free, `next` being the next free one.
#[derive(Clone)]
struct Page {
    bytes: Box<[u8]>,
    class: u16,
    live: u16,
    /// The first free cell, as its unit; each free cell keeps the next one in its first two bytes.
    free: u16,
    /// Units from here on were never used.
    unused: u16,
    /// Neighbours in the list of this class's pages that have room.
    prev: u32,
    next: u32,
}

impl Page {
    fn absent() -> Self {
        let bytes = Box::default();
        Self { bytes, class: 0, live: 0, free: NO_CELL, unused: 0, prev: NIL, next: NIL }
    }

    const fn has_room(&self) -> bool {
        let cell = class_bytes(self.class as usize);
        self.free != NO_CELL || self.unused as usize * UNIT_BYTES + cell <= PAGE_BYTES
    }

    fn take_cell(&mut self) -> u16 {
        self.live += 1;
        if self.free == NO_CELL {
            let unit = self.unused;
            self.unused += (class_bytes(self.class as usize) / UNIT_BYTES) as u16;
            return unit;
        }
        let unit = self.free;
        let at = unit as usize * UNIT_BYTES;
        self.free = u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]);
        unit
    }

    fn free_cell(&mut self, unit: u16) {
        let at = unit as usize * UNIT_BYTES;
        self.bytes[at..at + 2].copy_from_slice(&self.free.to_le_bytes());
        self.free = unit;
        self.live -= 1;
    }
}

/// A large block; `next` links the free entries.
#[derive(Clone)]
struct Large {
    bytes: Box<[u8]>,
    next: u32,
}

pub(super) struct Arena {
    pages: Chunked<Page, 256>,
    pages_end: u32,
    pages_free: u32,
    /// For each class the first page with room.
    room: [u32; CLASSES],
    spare: Vec<Box<[u8]>>,
    held: usize,
    large: Chunked<Large, 256>,
    large_end: u32,
    large_free: u32,
    pages_max: u32,
}

impl Arena {
    pub(super) const fn new() -> Self {
        Self {
            pages: Chunked::new(),
            pages_end: 0,
            pages_free: NIL,
            room: [NIL; CLASSES],
            spare: Vec::new(),
            held: 0,
            large: Chunked::new(),
            large_end: 0,
            large_free: NIL,
            pages_max: PAGES_MAX,
        }
    }

    /// An arena of fewer pages, to see what happens when they are used up.
    #[cfg(test)]
    pub(super) fn with_pages_max(pages_max: u32) -> Self {
        Self { pages_max, ..Self::new() }
    }

    /// The bytes of a block, and whatever follows it in its page.
    #[inline]
    pub(super) fn get(&self, handle: u32) -> &[u8] {
        if handle & LARGE != 0 {
            return self.large.get(handle & !LARGE).map_or(&[], |large| &large.bytes);
        }
        let page = self.pages.get(handle >> UNIT_BITS);
        page.and_then(|page| page.bytes.get(unit_of(handle) * UNIT_BYTES..)).unwrap_or_default()
    }

    /// The same, to change fields of a block without changing its length.
    #[inline]
    pub(super) fn get_mut(&mut self, handle: u32) -> &mut [u8] {
        if handle & LARGE != 0 {
            let large = self.large.get_mut(handle & !LARGE);
            return large.map_or(&mut [], |large| &mut large.bytes);
        }
        let page = self.pages.get_mut(handle >> UNIT_BITS);
        let bytes = page.and_then(|page| page.bytes.get_mut(unit_of(handle) * UNIT_BYTES..));
        bytes.unwrap_or_default()
    }

    /// Stores a block, in the place of `old` if it fits there, and answers its handle. `old` may be
    /// `NIL`; it is freed if it is not used again. A new place has `room` more bytes, for without
    /// them the first change of each znode would move it to the next class, and leave a hole.
    pub(super) fn store(&mut self, old: u32, block: &[u8], room: usize) -> u32 {
        let handle = if old != NIL && self.fits(old, block.len()) {
            old
        } else {
            if old != NIL {
                self.free(old);
            }
            self.allocate(block.len() + room)
        };
        if let Some(place) = self.get_mut(handle).get_mut(..block.len()) {
            place.copy_from_slice(block);
        }
        handle
    }

    pub(super) fn free(&mut self, handle: u32) {
        if handle & LARGE != 0 {
            self.free_large(handle & !LARGE);
            return;
        }
        let id = handle >> UNIT_BITS;
        let Some(page) = self.pages.get_mut(id) else { return };
        let had_room = page.has_room();
        page.free_cell(unit_of(handle) as u16);
        let (empty, class) = (page.live == 0, page.class as usize);
        match (had_room, empty) {
            (true, true) => {
                self.unlink(id);
                self.release_page(id);
            }
            (false, true) => self.release_page(id),
            (false, false) => self.link(id, class),
            (true, false) => {}
        }
    }

    /// Bytes of memory held.
    pub(super) const fn bytes(&self) -> usize {
        self.held + self.pages.bytes() + self.large.bytes()
    }

    /// Whether a block fits without wasting more than a quarter, or two units.
    fn fits(&self, handle: u32, bytes: usize) -> bool {
        let has = if handle & LARGE == 0 {
            let page = self.pages.get(handle >> UNIT_BITS);
            page.map_or(0, |page| class_bytes(page.class as usize))
        } else {
            self.get(handle).len()
        };
        bytes <= has && has - bytes <= (has / 4).max(2 * UNIT_BYTES)
    }

    fn allocate(&mut self, bytes: usize) -> u32 {
        if bytes > SMALL_BYTES_MAX {
            return self.allocate_large(bytes);
        }
        let class = class_of(bytes);
        let Some(id) = self.page_with_room(class) else { return self.allocate_large(bytes) };
        let Some(page) = self.pages.get_mut(id) else { return NIL };
        let unit = page.take_cell();
        if !page.has_room() {
            self.unlink(id);
        }
        (id << UNIT_BITS) | u32::from(unit)
    }

    fn page_with_room(&mut self, class: usize) -> Option<u32> {
        if self.room[class] != NIL {
            return Some(self.room[class]);
        }
        let id = if self.pages_free == NIL {
            if self.pages_end >= self.pages_max {
                return None;
            }
            self.pages.ensure(self.pages_end, &Page::absent());
            self.pages_end += 1;
            self.pages_end - 1
        } else {
            let id = self.pages_free;
            self.pages_free = self.pages.get(id).map_or(NIL, |page| page.next);
            id
        };
        let bytes = self.spare.pop().unwrap_or_else(|| {
            self.held += PAGE_BYTES;
            vec![0; PAGE_BYTES].into_boxed_slice()
        });
        if let Some(page) = self.pages.get_mut(id) {
            *page = Page { bytes, class: class as u16, ..Page::absent() };
        }
        self.link(id, class);
        Some(id)
    }

    fn release_page(&mut self, id: u32) {
        let next = self.pages_free;
        let Some(page) = self.pages.get_mut(id) else { return };
        let bytes = std::mem::replace(page, Page { next, ..Page::absent() }).bytes;
        self.pages_free = id;
        if self.spare.len() < SPARE_PAGES_MAX {
            self.spare.push(bytes);
        } else {
            self.held -= PAGE_BYTES;
        }
    }

    fn link(&mut self, id: u32, class: usize) {
        let next = std::mem::replace(&mut self.room[class], id);
        if let Some(page) = self.pages.get_mut(id) {
            (page.prev, page.next) = (NIL, next);
        }
        if let Some(after) = self.pages.get_mut(next) {
            after.prev = id;
        }
    }

    fn unlink(&mut self, id: u32) {
        let Some(page) = self.pages.get(id) else { return };
        let (prev, next, class) = (page.prev, page.next, page.class as usize);
        match self.pages.get_mut(prev) {
            Some(before) => before.next = next,
            None => self.room[class] = next,
        }
        if let Some(after) = self.pages.get_mut(next) {
            after.prev = prev;
        }
    }

    fn allocate_large(&mut self, bytes: usize) -> u32 {
        let bytes = vec![0; bytes.next_multiple_of(LARGE_STEP_BYTES)].into_boxed_slice();
        self.held += bytes.len();
        let id = if self.large_free == NIL {
            self.large_end += 1;
            self.large_end - 1
        } else {
            let id = self.large_free;
            self.large_free = self.large.get(id).map_or(NIL, |large| large.next);
            id
        };
        self.large.ensure(id, &Large { bytes: Box::default(), next: NIL });
        if let Some(large) = self.large.get_mut(id) {
            large.bytes = bytes;
        }
        LARGE | id
    }

    fn free_large(&mut self, id: u32) {
        let Some(large) = self.large.get_mut(id) else { return };
        self.held -= large.bytes.len();
        *large = Large { bytes: Box::default(), next: self.large_free };
        self.large_free = id;
    }
}

#[inline]
const fn unit_of(handle: u32) -> usize {
    (handle & ((1 << UNIT_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every size has the smallest class that holds it.
    #[test]
    fn a_class_holds_its_sizes_and_wastes_an_eighth_at_most() {
        for bytes in 1..=SMALL_BYTES_MAX {
            let class = class_of(bytes);
            assert!(class_bytes(class) >= bytes);
            assert!(class == 0 || class_bytes(class - 1) < bytes);
            assert!(class_bytes(class) - bytes < UNIT_BYTES.max(bytes / 8 + 1));
            assert_eq!(class_bytes(class) % UNIT_BYTES, 0);
        }
    }

    /// What is freed serves another class, or goes back to the system.
    #[test]
    fn freed_pages_serve_another_class() {
        let mut arena = Arena::new();
        let small: Vec<u32> = (0..100_000).map(|_| arena.store(NIL, &[7; 96], 0)).collect();
        let full = arena.bytes();
        assert!(full > 9_600_000);
        for handle in small {
            arena.free(handle);
        }
        assert!(arena.bytes() < full / 10);
        let other: Vec<u32> = (0..48_000).map(|_| arena.store(NIL, &[7; 200], 0)).collect();
        assert!(arena.bytes() < full * 11 / 10);
        assert!(other.iter().all(|&handle| arena.get(handle)[..200] == [7; 200]));
    }

    /// Without pages left, small blocks are kept as large ones.
    #[test]
    fn used_up_pages_do_not_stop_storing() {
        let mut arena = Arena::with_pages_max(2);
        let handles: Vec<u32> =
            (0..2000_u16).map(|n| arena.store(NIL, &n.to_le_bytes().repeat(50), 0)).collect();
        for (n, &handle) in (0..2000_u16).zip(&handles) {
            assert_eq!(arena.get(handle)[..100], n.to_le_bytes().repeat(50));
        }
        for handle in handles {
            arena.free(handle);
        }
        assert!(arena.bytes() < 200_000);
    }
}
