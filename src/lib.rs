//! lib
pub mod facts;
pub mod understanding;
