//! Inputs from inputs: bits, bytes, pieces and words, changed at random.

/// Makes inputs without end.
pub struct Mutator {
    random: Random,
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

/// Long enough for every structure to appear more than once, short enough for thousands a second.
const LONGEST: usize = 16 * 1024;

impl Mutator {
    pub fn new(seed: u64, seeds: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        Self { random: Random(seed | 1), seeds, words }
    }

    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        // Mostly few changes, which keep most of the structure, now and then many.
        for _ in 0..1 << self.random.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.random.below(self.seeds.len());
        self.seeds[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let length = input.len();
        let at = self.random.below(length + 1);
        let end = at + self.random.below(length - at + 1).min(64);
        match self.random.below(8) {
            0 if at < length => input[at] ^= 1 << self.random.below(8),
            1 if at < length => input[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'"'][self.random.below(8)],
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.random.below(length + 1);
                input.splice(to..to, piece);
            }
            4 => input.truncate(at),
            5 => {
                let other = self.seed();
                let from = self.random.below(other.len() + 1);
                let until = (from + self.random.below(256)).min(other.len());
                input.splice(at..end, other[from..until].iter().copied());
            }
            6 => {
                // Nested without end is what recursion fears.
                let word = self.words[self.random.below(self.words.len())];
                let times = if self.random.below(50) == 0 { 2000 } else { 1 };
                input.splice(at..at, word.repeat(times).into_bytes());
            }
            _ => input.insert(at, u8::try_from(self.random.below(256)).unwrap_or_default()),
        }
    }
}

/// Xorshift (Marsaglia, "Xorshift RNGs", 2003): not for secrets.
struct Random(u64);

impl Random {
    /// From 0 up to and without `bound`; 0 when there is nothing to choose from.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % bound.max(1)
    }
}
