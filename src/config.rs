//! The only reader of the environment. Reports every mistake at once.

use std::env;
use std::path::PathBuf;

/// What the environment sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `ROUTEDESK_DATABASE`: the SQLite file.
    pub database: PathBuf,
    /// `ROUTEDESK_LOG`: what to log, as a filter of `tracing-subscriber`.
    pub log: String,
}

/// What is wrong with the environment, all at once, each with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadConfig(pub Vec<String>);

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Every mistake, each with the variable's name and the remedy.
    pub fn from_env() -> Result<Self, BadConfig> {
        Self::read(|name| env::var_os(name).map(|value| value.into_string()), dirs::data_dir())
    }

    /// Reads variables through `get`; `data_dir` is where the platform keeps programs' data.
    fn read(
        get: impl Fn(&str) -> Option<Result<String, std::ffi::OsString>>,
        data_dir: Option<PathBuf>,
    ) -> Result<Self, BadConfig> {
        let mut mistakes = Vec::new();
        let mut text = |name: &str| match get(name) {
            Some(Ok(value)) if !value.trim().is_empty() => Some(value),
            Some(Err(_)) => {
                mistakes.push(format!("{name} is not UTF-8. Set it to plain text."));
                None
            }
            _ => None,
        };
        let (database, log) = (text("ROUTEDESK_DATABASE"), text("ROUTEDESK_LOG"));
        let database = match (database.map(PathBuf::from), data_dir) {
            (Some(path), _) if path.is_dir() => {
                mistakes.push(format!("ROUTEDESK_DATABASE names the folder {}. Name a file in it.", path.display()));
                path
            }
            (Some(path), _) => path,
            (None, Some(folder)) => folder.join("routedesk").join("routedesk.db"),
            (None, None) => {
                mistakes.push("There is no folder for programs' data here. Set ROUTEDESK_DATABASE to a file.".into());
                PathBuf::new()
            }
        };
        let log = log.unwrap_or_else(|| "warn".to_owned());
        if log.parse::<tracing_subscriber::EnvFilter>().is_err() {
            mistakes.push(format!("ROUTEDESK_LOG is `{log}`. Set it to error, warn, info, debug or trace."));
        }
        if mistakes.is_empty() { Ok(Self { database, log }) } else { Err(BadConfig(mistakes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let config = Config::read(|_| None, Some("/data".into())).unwrap();
        assert_eq!(config.database, PathBuf::from("/data/routedesk/routedesk.db"));
        assert_eq!(config.log, "warn");
    }

    #[test]
    fn every_mistake_is_reported() {
        let get = |name: &str| match name {
            "ROUTEDESK_DATABASE" => Some(Ok("/".to_owned())),
            "ROUTEDESK_LOG" => Some(Ok("shout=very=loud".to_owned())),
            _ => None,
        };
        let BadConfig(mistakes) = Config::read(get, None).unwrap_err();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }
}
