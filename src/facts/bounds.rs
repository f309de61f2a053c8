//! A number that a source may give exactly, roughly or by a limit.

use std::fmt;
use std::str::FromStr;

/// How far a figure given as "about" may be from the true one, as a share of it. Five per cent keeps "about 570" and
/// "about 580" together and "about 570" and "about 700" apart.
const ABOUT: f64 = 0.05;

/// A figure with its limits, in whole units of whatever it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// `45000`: the figure itself.
    Exactly(u64),
    /// `~570`: roughly.
    About(u64),
    /// `>400`: more than.
    Over(u64),
    /// `>=9`: no fewer than.
    AtLeast(u64),
    /// `<3`: fewer than.
    Under(u64),
    /// `<=20000`: no more than.
    AtMost(u64),
    /// `20000..30000`: from one to the other, both included.
    Between(u64, u64),
}

impl Bounds {
    /// The lowest and the highest figure meant. The open limits count as closed: "more than 8 hours" doesn't
    /// contradict "8 hours", it is more precise.
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

    /// The printed figures: one, or the two ends of a range.
    #[must_use]
    pub fn figures(self) -> Vec<u64> {
        match self {
            Self::Exactly(n) | Self::About(n) | Self::Over(n) | Self::AtLeast(n) | Self::Under(n) | Self::AtMost(n) => {
                vec![n]
            }
            Self::Between(low, high) => vec![low, high],
        }
    }

    /// The same limits with every figure multiplied, as for a change of unit.
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

    /// Splits the sign of the limits off a text: `>=9 seats` gives the limits' constructor and `9 seats`.
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
