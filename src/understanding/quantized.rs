//! Stores unit vectors as rows of bytes, and computes their scalar products with the widest registers of the processor.
//!
//! The products are of integers, so every processor gives the same results. The compiler makes a version of the loop
//! for each instruction set, and [`fearless_simd`] picks one at run time without unsafe code here.

use fearless_simd::{Level, Simd, dispatch};
use serde::{Deserialize, Serialize};

/// A matrix of vectors, one byte per number and one scale per row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QuantizedMatrix {
    width: usize,
    scales: Vec<f32>,
    #[serde(with = "whole_bytes")]
    bytes: Vec<i8>,
}

/// A vector in the form of a matrix row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuantizedVector {
    scale: f32,
    bytes: Vec<i8>,
}

impl QuantizedVector {
    /// Quantises a vector.
    #[must_use]
    pub fn of(vector: &[f32]) -> Self {
        let scale = scale(vector);
        Self { scale, bytes: rounded(vector, scale).collect() }
    }

    /// Returns the scalar product with a vector of the same width.
    #[must_use]
    pub fn product(&self, other: &Self) -> f32 {
        whole(&self.bytes, &other.bytes) as f32 * self.scale * other.scale
    }
}

fn scale(vector: &[f32]) -> f32 {
    let largest = vector.iter().fold(0.0f32, |most, number| most.max(number.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

fn rounded(vector: &[f32], scale: f32) -> impl Iterator<Item = i8> {
    vector.iter().map(move |number| (number / scale).round() as i8)
}

impl QuantizedMatrix {
    /// Quantises vectors of the same width.
    #[must_use]
    pub fn of<'a>(width: usize, vectors: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let mut rows = Self { width, ..Self::default() };
        for vector in vectors {
            let scale = scale(vector);
            rows.scales.push(scale);
            rows.bytes.extend(rounded(vector, scale));
        }
        rows
    }

    /// Builds a matrix from vectors that are already quantised.
    #[must_use]
    pub fn from_rows<'a>(width: usize, rows: impl IntoIterator<Item = &'a QuantizedVector>) -> Self {
        let mut table = Self { width, ..Self::default() };
        for row in rows {
            table.scales.push(row.scale);
            table.bytes.extend(&row.bytes);
        }
        table
    }

    /// Concatenates matrices of the same width.
    #[must_use]
    pub fn joined(width: usize, tables: Vec<Self>) -> Self {
        let mut rows = Self { width, ..Self::default() };
        for table in tables {
            rows.scales.extend(table.scales);
            rows.bytes.extend(table.bytes);
        }
        rows
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns true if there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Returns a copy of a row.
    #[must_use]
    pub fn row(&self, at: usize) -> QuantizedVector {
        QuantizedVector { scale: self.scales[at], bytes: self.bytes[at * self.width..][..self.width].to_vec() }
    }

    /// Returns the scalar products of a vector with some of the rows, in the order of `rows`.
    #[must_use]
    pub fn products(&self, vector: &QuantizedVector, rows: &[u32]) -> Vec<f32> {
        let mut products = vec![0.0; rows.len()];
        dispatch!(Level::new(), simd => self.fill(simd, vector, rows, &mut products));
        products
    }

    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, vector: &QuantizedVector, rows: &[u32], products: &mut [f32]) {
        for (row, product) in rows.iter().zip(products) {
            let at = *row as usize;
            let bytes = &self.bytes[at * self.width..][..self.width];
            *product = whole(bytes, &vector.bytes) as f32 * self.scales[at] * vector.scale;
        }
    }
}

/// Returns at most `most` of the highest scores with their numbers, highest first. Of equal scores, the lower number
/// comes first.
#[must_use]
pub fn highest(mut scores: Vec<(f32, u32)>, most: usize) -> Vec<(f32, u32)> {
    let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if scores.len() > most {
        scores.select_nth_unstable_by(most, order);
        scores.truncate(most);
    }
    scores.sort_unstable_by(order);
    scores
}

/// Returns the scalar product of two rows of bytes. The product of two bytes fits into 16 bits, and processors multiply
/// these in one instruction.
#[inline(always)]
fn whole(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(i16::from(*x) * i16::from(*y))).sum()
}

/// Adds rows of bytes to a sum, each multiplied by its factor.
pub fn add_rows(sum: &mut [f32], rows: &[(f32, &[i8])]) {
    dispatch!(Level::new(), simd => add(simd, sum, rows));
}

/// Adds four rows at a time, so that the sum is read and written a quarter as often. The additions keep their order.
#[inline(always)]
fn add<S: Simd>(_: S, sum: &mut [f32], rows: &[(f32, &[i8])]) {
    let fours = rows.chunks_exact(4);
    let rest = fours.remainder();
    for four in fours {
        let [(f, a), (g, b), (h, c), (i, d)] = four else { unreachable!("chunks of four") };
        for ((((total, a), b), c), d) in sum.iter_mut().zip(*a).zip(*b).zip(*c).zip(*d) {
            *total = *total + f * f32::from(*a) + g * f32::from(*b) + h * f32::from(*c) + i * f32::from(*d);
        }
    }
    for (factor, row) in rest {
        for (total, byte) in sum.iter_mut().zip(*row) {
            *total += factor * f32::from(*byte);
        }
    }
}
/// Serialises and deserialises small numbers as one string of bytes, for `#[serde(with)]`.
pub mod whole_bytes {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    /// Serialises the numbers.
    ///
    /// # Errors
    /// Returns the serializer's error.
    pub fn serialize<S: Serializer>(numbers: &[i8], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = numbers.iter().map(|number| number.cast_unsigned()).collect();
        serializer.serialize_bytes(&bytes)
    }

    /// Deserialises the numbers.
    ///
    /// # Errors
    /// Returns the deserializer's error, also if the input isn't a string of bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i8>, D::Error> {
        struct Numbers;

        impl Visitor<'_> for Numbers {
            type Value = Vec<i8>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(bytes.iter().map(|byte| byte.cast_signed()).collect())
            }
        }

        deserializer.deserialize_bytes(Numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_near_those_of_the_vectors() {
        let vectors: Vec<Vec<f32>> =
            (0..7).map(|row| (0..256).map(|at| ((row * 31 + at * 17) % 23) as f32 / 23.0 - 0.5).collect()).collect();
        let rows = QuantizedMatrix::of(256, vectors.iter().map(Vec::as_slice));
        let products = rows.products(&QuantizedVector::of(&vectors[3]), &[0, 3, 6]);
        for (product, at) in products.iter().zip([0, 3, 6]) {
            let exact: f32 = vectors[3].iter().zip(&vectors[at]).map(|(x, y)| x * y).sum();
            assert!((product - exact).abs() < 0.1, "{product} {exact}");
        }
    }

    #[test]
    fn the_highest_come_first() {
        let scores = vec![(0.5, 4), (0.9, 1), (0.5, 2), (-1.0, 0)];
        assert_eq!(highest(scores.clone(), 3), [(0.9, 1), (0.5, 2), (0.5, 4)]);
        assert_eq!(highest(scores, 9).len(), 4);
        assert_eq!(highest(Vec::new(), 2), []);
    }

    #[test]
    fn rows_add_up() {
        let mut sum = vec![1.0, 2.0];
        add_rows(&mut sum, &[(0.5, &[2i8, -4][..]), (2.0, &[1, 1])]);
        assert_eq!(sum, [4.0, 2.0]);
    }
}
