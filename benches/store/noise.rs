//! Latencies and failures as targets have them, the same in each run.

use std::time::Duration;

use probity::{
    health::Reason,
    history::{Class, Run},
};

/// xorshift64* (Marsaglia 2003; Vigna 2016): it need only look random.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to 1, without both.
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Of the normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// One target's behaviour.
pub struct Noise {
    random: Random,
    median_us: f64,
    /// Runs that its outage still lasts.
    down: u32,
}

impl Noise {
    pub fn new(target: u32) -> Self {
        let mut random = Random::new(target.into());
        // From 2 to 200 ms.
        let median_us = 2_000.0 * 100f64.powf(random.uniform());
        Self { random, median_us, down: 0 }
    }

    /// Lognormal, sigma 0.3. One run in 500 times out; every four days or so it is down for ten minutes.
    pub fn run(&mut self) -> Run {
        if self.down == 0 && self.random.uniform() < 1.0 / (4.0 * 8_640.0) {
            self.down = 60;
        }
        if self.down > 0 {
            self.down -= 1;
            let latency = Duration::from_micros((300.0 * (0.3 * self.random.normal()).exp()) as u64);
            return Run { class: Class::Failed, reason: Reason::ConnectionRefused, latency };
        }
        if self.random.uniform() < 1.0 / 500.0 {
            let latency = Duration::from_micros(5_000_000 + (1_000.0 * self.random.uniform()) as u64);
            return Run { class: Class::Failed, reason: Reason::Timeout, latency };
        }
        let us = self.median_us * (0.3 * self.random.normal()).exp();
        Run { class: Class::Good, reason: Reason::Ok, latency: Duration::from_micros(us as u64) }
    }
}
