//! What the fuzz targets are made of.

pub mod schedules;
