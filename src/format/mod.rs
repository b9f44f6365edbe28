//! Bytes ⇄ records of the formats from outside; no file is opened here and nothing is trusted.

pub mod ar;
pub mod compress;
pub mod elf;
pub mod newc;
pub mod tar;
