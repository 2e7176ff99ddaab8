//! Subscriptions that come and go.
//!
//! `fuzz/run topics`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::topics(data));
