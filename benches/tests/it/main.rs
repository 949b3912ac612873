//! The benches in small: the same code, a few seconds, and only counts are looked at.

#![cfg(test)]

mod faults;
mod refresh;
