//! Represents figures that sources give exactly, roughly, by a limit or as a range.

use std::fmt;
use std::str::FromStr;

/// Tolerance of a figure given as "about", as a fraction of it. With five per cent "about 570" and "about 580" can both
/// be true, but "about 570" and "about 700" can't.
const ABOUT: f64 = 0.05;

/// A figure or a limit, in whole units of whatever it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// `45000`: exactly this figure.
    Exactly(u64),
    /// `~570`: about this figure.
    About(u64),
    /// `>400`: more than this figure.
    Over(u64),
    /// `>=9`: this figure or more.
    AtLeast(u64),
    /// `<3`: less than this figure.
    Under(u64),
    /// `<=20000`: this figure or less.
    AtMost(u64),
    /// `20000..30000`: a range, both ends included.
    Between(u64, u64),
}

impl Bounds {
    /// Returns the lowest and the highest figure meant. Open limits count as closed, so that "more than 8 hours"
    /// doesn't contradict "8 hours" but only differs in precision.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        match self {
            Self::Exactly(n) => (n as f64, n as f64),
            Self::About(n) => (n as f64 * (1.0 - ABOUT), n as f64 * (1.0 + ABOUT)),
            Self::Over(n) | Self::AtLeast(n) => (n as f64, f64::INFINITY),
            Self::Under(n) | Self::AtMost(n) => (0.0, n as f64),
            Self::Between(low, high) => (low as f64, high as f64),
        }
    }

    /// Returns the printed figures: one, or the two ends of a range.
    #[must_use]
    pub fn figures(self) -> Vec<u64> {
        match self {
            Self::Exactly(n) | Self::About(n) | Self::Over(n) | Self::AtLeast(n) | Self::Under(n) | Self::AtMost(n) => {
                vec![n]
            }
            Self::Between(low, high) => vec![low, high],
        }
    }

    /// Multiplies every figure, as for a change of unit.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        match self {
            Self::Exactly(n) => Self::Exactly(n * factor),
            Self::About(n) => Self::About(n * factor),
            Self::Over(n) => Self::Over(n * factor),
            Self::AtLeast(n) => Self::AtLeast(n * factor),
            Self::Under(n) => Self::Under(n * factor),
            Self::AtMost(n) => Self::AtMost(n * factor),
            Self::Between(low, high) => Self::Between(low * factor, high * factor),
        }
    }

    /// Splits the sign off a text: `>=9 seats` gives the constructor [`Self::AtLeast`] and `9 seats`.
    pub(super) fn split_sign(text: &str) -> (fn(u64) -> Self, &str) {
        type LimitSign = (&'static str, fn(u64) -> Bounds);
        const SIGNS: [LimitSign; 5] = [
            (">=", Bounds::AtLeast),
            ("<=", Bounds::AtMost),
            (">", Bounds::Over),
            ("<", Bounds::Under),
            ("~", Bounds::About),
        ];
        SIGNS
            .iter()
            .find_map(|(sign, make)| text.strip_prefix(sign).map(|rest| (*make, rest)))
            .unwrap_or((Self::Exactly, text))
    }
}

impl FromStr for Bounds {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some((low, high)) = text.split_once("..") {
            let (low, high) = (low.parse().map_err(drop)?, high.parse().map_err(drop)?);
            return if low < high { Ok(Self::Between(low, high)) } else { Err(()) };
        }
        let (make, digits) = Self::split_sign(text);
        digits.parse().map(make).map_err(drop)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(n) => write!(f, "{n}"),
            Self::About(n) => write!(f, "~{n}"),
            Self::Over(n) => write!(f, ">{n}"),
            Self::AtLeast(n) => write!(f, ">={n}"),
            Self::Under(n) => write!(f, "<{n}"),
            Self::AtMost(n) => write!(f, "<={n}"),
            Self::Between(low, high) => write!(f, "{low}..{high}"),
        }
    }
}
