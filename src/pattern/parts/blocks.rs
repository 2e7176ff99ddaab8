//! Children of the nodes of a radix tree, in blocks of several sizes.
//!
//! A block has its owner in its first word. Then, in all classes but `DENSE`, come the keys of the
//! children, four a word, and as many entries; behind those in use the keys mean nothing and the
//! entries are `NONE`. In `DENSE` there are 256 entries or `NONE`.

/// How many children the blocks of each class hold: what [`WORDS`] have room for beside the owner
/// and the keys. The last class is indexed by the byte itself, which a search of more than a hundred
/// keys does not beat.
const CAPACITY: [u16; 9] = [2, 5, 12, 24, 37, 50, 76, 101, 256];

/// The words before the entries.
const HEAD: [usize; CAPACITY.len()] = [2, 3, 4, 7, 11, 14, 20, 27, 1];

/// The words of a block: whole cache lines, or a half or a quarter of one.
const WORDS: [usize; CAPACITY.len()] = [4, 8, 16, 32, 48, 64, 96, 128, 272];

/// The class whose blocks are one cache line.
const WHOLE_LINE: u8 = 2;

/// The class whose blocks are a plain table of 256 children.
const DENSE: u8 = CAPACITY.len() as u8 - 1;

const WORDS_PER_LINE: usize = 16;

/// What blocks are numbered by: the smallest has this many words.
const WORDS_PER_UNIT: usize = WORDS[0];

/// Where in the number of a block its class stands; below are the units before it.
const CLASS_SHIFT: u32 = 27;

/// No block, no entry.
const NONE: u32 = u32::MAX;

/// A block's place and class in 31 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(u32);

#[derive(Debug)]
pub(super) struct Blocks {
    words: Vec<u32>,
    /// The words before the first cache line; see `align`.
    start: usize,
    /// The first free block of each class, by its units; its first word is the next one.
    free: [u32; CAPACITY.len()],
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks {
            words: Vec::new(),
            start: 0,
            free: [NONE; CAPACITY.len()],
        }
    }
}

impl Block {
    /// For a node that has no children.
    pub(super) const NONE: Block = Block(NONE);

    #[inline]
    pub(super) fn from_number(number: u32) -> Block {
        Block(number)
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    fn new(unit: u32, class: u8) -> Block {
        Block(u32::from(class) << CLASS_SHIFT | unit)
    }

    #[inline]
    fn unit(self) -> u32 {
        self.0 & ((1 << CLASS_SHIFT) - 1)
    }

    #[inline]
    fn class(self) -> u8 {
        (self.0 >> CLASS_SHIFT) as u8
    }

    #[inline]
    fn head(self) -> usize {
        HEAD[usize::from(self.class())]
    }

    fn capacity(self) -> usize {
        usize::from(CAPACITY[usize::from(self.class())])
    }
}

impl Blocks {
    /// Whether this number of further blocks certainly can be numbered.
    pub(super) fn has_space_for(&self, blocks: usize) -> bool {
        const MOST: usize = WORDS_PER_UNIT << CLASS_SHIFT;
        self.words.len() + blocks * WORDS[usize::from(DENSE)] + 2 * WORDS_PER_LINE < MOST
    }

    #[cfg(any(test, feature = "internals"))]
    pub(super) fn heap_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    /// The place of the entry for `byte`, and the entry.
    #[inline(always)]
    pub(super) fn look_up(&self, block: Block, byte: u8) -> Option<(usize, u32)> {
        let at = self.first_word(block.unit());
        match block.class() {
            // Numbers the compiler knows: the way through a block is what a descent waits for.
            WHOLE_LINE => self.look_up_in_line::<WHOLE_LINE>(at, byte),
            1 => self.look_up_in_line::<1>(at, byte),
            0 => self.look_up_in_line::<0>(at, byte),
            DENSE => self.entry_at(at + HEAD[usize::from(DENSE)] + usize::from(byte)),
            _ => self.look_up_in_lines(block, byte),
        }
    }

    /// Puts another entry where one was found.
    pub(super) fn replace(&mut self, place: usize, entry: u32) {
        self.words[place] = entry;
    }

    pub(super) fn owner(&self, block: Block) -> u32 {
        self.words[self.first_word(block.unit())]
    }

    /// All entries of a block.
    pub(super) fn entries(&self, block: Block) -> impl Iterator<Item = u32> + '_ {
        (0..block.capacity())
            .map(move |index| self.child(block, index).1)
            .filter(|entry| *entry != NONE)
    }

    /// Adds a child to the block of a node that has `children`; returns the block it has then.
    pub(super) fn add(
        &mut self,
        block: Block,
        children: usize,
        owner: u32,
        child: (u8, u32),
    ) -> Block {
        let block = if children == 0 {
            self.make(0, owner)
        } else if children == block.capacity() {
            self.change_class(block, children, block.class() + 1)
        } else {
            block
        };
        self.put(block, children, child);
        block
    }

    /// Removes the child whose entry is at `place` from a block of `children`; returns the block the
    /// others are in then.
    pub(super) fn remove(&mut self, block: Block, children: usize, place: usize) -> Block {
        let last = children - 1;
        if block.class() == DENSE {
            self.words[place] = NONE;
        } else {
            // The last child takes the place of the one that goes.
            let first = self.first_word(block.unit()) + block.head();
            self.put(block, place - first, self.child(block, last));
            self.words[first + last] = NONE;
        }
        if last == 0 {
            self.free(block);
            return Block::NONE;
        }
        if last < 4 || last * 4 > block.capacity() {
            return block;
        }
        // Half full after the move, so that the next few changes do not move it back.
        let roomy = CAPACITY
            .iter()
            .position(|most| usize::from(*most) >= last * 2);
        match roomy.map_or(DENSE, |class| class as u8) {
            class if class < block.class() => self.change_class(block, last, class),
            _ => block,
        }
    }

    pub(super) fn free(&mut self, block: Block) {
        let at = self.first_word(block.unit());
        let class = usize::from(block.class());
        self.words[at] = self.free[class];
        self.free[class] = block.unit();
    }

    #[inline]
    fn first_word(&self, unit: u32) -> usize {
        self.start + unit as usize * WORDS_PER_UNIT
    }

    #[inline]
    fn entry_at(&self, place: usize) -> Option<(usize, u32)> {
        let entry = self.words[place];
        (entry != NONE).then_some((place, entry))
    }

    #[inline(always)]
    fn look_up_in_line<const CLASS: u8>(&self, at: usize, byte: u8) -> Option<(usize, u32)> {
        let block = &self.words[at..at + WORDS[usize::from(CLASS)]];
        // The keys, and what follows where there are fewer, which does not count.
        let [_, a, b, c] = *block.first_chunk()?;
        let position = position_in([a, b, c], byte);
        if position >= usize::from(CAPACITY[usize::from(CLASS)]) {
            return None;
        }
        let place = HEAD[usize::from(CLASS)] + position;
        let entry = *block.get(place)?;
        (entry != NONE).then_some((at + place, entry))
    }

    fn look_up_in_lines(&self, block: Block, byte: u8) -> Option<(usize, u32)> {
        let at = self.first_word(block.unit());
        let position = position_of(&self.words[at + 1..at + block.head()], byte)?;
        if position >= block.capacity() {
            return None;
        }
        self.entry_at(at + block.head() + position)
    }

    /// Moves the children of a block to one of another class, which must hold them.
    fn change_class(&mut self, old: Block, children: usize, class: u8) -> Block {
        let new = self.make(class, self.owner(old));
        let mut moved = 0;
        for index in 0..old.capacity() {
            if moved == children {
                break;
            }
            let child = self.child(old, index);
            if child.1 != NONE {
                self.put(new, moved, child);
                moved += 1;
            }
        }
        self.free(old);
        new
    }

    /// The key and the entry number `index` of a block; the entry may be `NONE`.
    fn child(&self, block: Block, index: usize) -> (u8, u32) {
        let at = self.first_word(block.unit());
        let entry = self.words[at + block.head() + index];
        if block.class() == DENSE {
            return (index as u8, entry);
        }
        let key = self.words[at + 1 + index / 4] >> (8 * (index % 4));
        (key as u8, entry)
    }

    fn put(&mut self, block: Block, index: usize, (key, entry): (u8, u32)) {
        let at = self.first_word(block.unit());
        if block.class() == DENSE {
            self.words[at + block.head() + usize::from(key)] = entry;
            return;
        }
        let shift = 8 * (index % 4);
        let word = &mut self.words[at + 1 + index / 4];
        *word = *word & !(0xff << shift) | u32::from(key) << shift;
        self.words[at + block.head() + index] = entry;
    }

    fn make(&mut self, class: u8, owner: u32) -> Block {
        let unit = self.take(class);
        let at = self.first_word(unit);
        self.words[at..at + WORDS[usize::from(class)]].fill(NONE);
        self.words[at] = owner;
        Block::new(unit, class)
    }

    /// A free block; halves a larger one, or adds memory, if there is none.
    fn take(&mut self, class: u8) -> u32 {
        let free = self.free[usize::from(class)];
        if free != NONE {
            self.free[usize::from(class)] = self.words[self.first_word(free)];
            return free;
        }
        let words = WORDS[usize::from(class)];
        if class < WHOLE_LINE {
            // Not deep: a line is halved at most twice.
            let unit = self.take(class + 1);
            let half = (words / WORDS_PER_UNIT) as u32;
            self.free(Block::new(unit + half, class));
            return unit;
        }
        if self.words.capacity() - self.words.len() < words {
            grow(&mut self.words, words + WORDS_PER_LINE);
            self.align();
        }
        let at = self.words.len();
        self.words.resize(at + words, NONE);
        ((at - self.start) / WORDS_PER_UNIT) as u32
    }

    /// Has the blocks start with a cache line, so that a block of one line is not read from two. The
    /// type of the words could ask for that; but the system's allocator grows memory of no unusual
    /// alignment without a copy, and always starts it at the same distance from a line.
    fn align(&mut self) {
        let start = self.words.as_ptr().align_offset(WORDS_PER_LINE * 4) % WORDS_PER_LINE;
        if start == self.start {
            return;
        }
        let used = self.start..self.words.len();
        let end = start + used.len();
        self.words.resize(end.max(used.end), NONE);
        self.words.copy_within(used, start);
        self.words.truncate(end);
        self.start = start;
    }
}

/// The first place of `byte` among twelve, or one beyond. Without branches that depend on the
/// place: no processor foresees the digits of a topic.
#[inline]
fn position_in([a, b, c]: [u32; 3], byte: u8) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let wanted = u64::from(byte) * ONES;
    // The lowest bit set marks the lowest byte that is zero; those above may be false.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let low = zeros((u64::from(a) | u64::from(b) << 32) ^ wanted);
    // The upper half is made to differ.
    let high = zeros((u64::from(c) ^ wanted) | u64::from(u32::MAX) << 32);
    let (zeros, before) = if low != 0 { (low, 0) } else { (high, 8) };
    before + zeros.trailing_zeros() as usize / 8
}

/// The first place of `byte` among bytes that are packed four a word.
#[inline]
fn position_of(words: &[u32], byte: u8) -> Option<usize> {
    const ONES: u32 = 0x0101_0101;
    let wanted = u32::from(byte) * ONES;
    words.iter().enumerate().find_map(|(index, word)| {
        let differing = word ^ wanted;
        let zeros = differing.wrapping_sub(ONES) & !differing & (ONES << 7);
        (zeros != 0).then(|| index * 4 + zeros.trailing_zeros() as usize / 8)
    })
}

/// Makes room by a sixteenth at a time: a million subscriptions should not reserve two million.
pub(crate) fn grow<T>(arena: &mut Vec<T>, more: usize) {
    if arena.capacity() - arena.len() < more {
        arena.reserve_exact(more.max(arena.len() / 16).max(4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_fits_its_words_and_its_keys() {
        for class in 0..DENSE {
            let class = usize::from(class);
            let most = usize::from(CAPACITY[class]);
            assert_eq!(HEAD[class], 1 + most.div_ceil(4));
            assert!(HEAD[class] + most <= WORDS[class]);
        }
        assert!(256 < WORDS[usize::from(DENSE)]);
        assert!(CAPACITY.len() <= 1 << (31 - CLASS_SHIFT));
    }

    #[test]
    fn a_place_is_found_among_twelve() {
        for place in 0..12 {
            let mut keys = [0xff_u8; 12];
            keys[place] = 7;
            let words =
                [0, 4, 8].map(|at| u32::from_le_bytes(keys[at..at + 4].try_into().unwrap()));
            assert_eq!(position_in(words, 7), place);
            assert_eq!(position_in(words, 0xff), usize::from(place == 0));
            assert!(position_in(words, 6) >= 12);
        }
    }

    #[test]
    fn blocks_of_a_line_lie_in_one_however_the_memory_grows() {
        let mut blocks = Blocks::default();
        let mut kept = Vec::new();
        for owner in 0..2_000 {
            let block = (0..6).fold(Block::NONE, |block, index| {
                blocks.add(block, index, owner, (index as u8, owner + 1))
            });
            kept.push(block);
            let first = &raw const blocks.words[blocks.first_word(block.unit())];
            assert_eq!(first.addr() % 64, 0);
        }
        for (owner, block) in (0..).zip(kept) {
            assert_eq!(blocks.owner(block), owner);
            assert!(blocks.entries(block).eq([owner + 1; 6]));
            assert!(blocks.look_up(block, 6).is_none());
        }
    }
}
