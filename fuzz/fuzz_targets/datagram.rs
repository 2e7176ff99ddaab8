//! Datagrams and messages, each made of the other.
//!
//! `fuzz/run datagram`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::datagram(data));
