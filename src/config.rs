//! Reads the configuration from the environment and `.env`; no other module reads the environment.
//!
//! [`Config::from_env`] is the entry point. It reports all mistakes at once, each with its remedy.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;

/// A token, password or key. Its `Debug` output hides the value, so that it appears in no log or error message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the value, for the service that issued it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Settings of the Discord platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordConfig {
    /// The bot's token, from `DISCORD_TOKEN` or the file that `DISCORD_TOKEN_FILE` names.
    pub token: Secret,
    /// `DISCORD_API_PROXY`: base URL for API requests, without a slash at the end. `None` means discord.com.
    pub api_proxy: Option<String>,
    /// `DISCORD_GUILD`: the only server in which commands are registered, for development. `None` registers them
    /// globally.
    pub guild: Option<u64>,
    /// `DISCORD_WATCH_CHANNELS`: ids of channels in which the bot also answers questions that aren't addressed to it.
    /// May contain [`FORUMS`]. Needs the message content intent unless it is empty.
    pub watch: Vec<String>,
    /// A copy of [`Config::operators`].
    pub operators: Vec<String>,
}

/// Settings of the Matrix platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixConfig {
    /// `MATRIX_HOMESERVER`: the homeserver's URL or server name, without a slash at the end.
    pub homeserver: String,
    /// `MATRIX_USER`: the bot's account, `@name:server` or `name`.
    pub user: String,
    /// The password, from `MATRIX_PASSWORD` or the file that `MATRIX_PASSWORD_FILE` names. Only the first start needs
    /// it; later starts restore the session.
    pub password: Option<Secret>,
    /// `MATRIX_ACCESS_TOKEN` and `MATRIX_DEVICE_ID`: an existing device to use instead of a login with the password.
    pub token: Option<(Secret, String)>,
    /// `MATRIX_DATA`: directory for session and keys. Default: `matrix`, beside the database.
    pub folder: PathBuf,
    /// The recovery key from the file that `MATRIX_RECOVERY_KEY_FILE` names, for an account whose cross-signing was set
    /// up by another client.
    pub recovery_key: Option<Secret>,
    /// `MATRIX_ALLOW`: user ids and server names whose invitations are accepted. Default: the Matrix users among the
    /// operators.
    pub allow: Vec<String>,
    /// A copy of [`Config::operators`].
    pub operators: Vec<String>,
}

/// The configuration of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `ROUTEDESK_DATABASE`: path of the SQLite file.
    pub database: PathBuf,
    /// `ROUTEDESK_LOG`: a filter of `tracing-subscriber`. Default: `warn`.
    pub log: String,
    /// Settings of the Discord platform; `None` without a token.
    pub discord: Option<DiscordConfig>,
    /// Settings of the Matrix platform; `None` without a homeserver.
    pub matrix: Option<MatrixConfig>,
    /// `ROUTEDESK_OPERATORS`: user ids of the bot's operators, on any platform.
    pub operators: Vec<String>,
}

/// All mistakes in the environment, each with its remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the environment of the process, and `.env` in the working directory or the nearest parent that has one.
    ///
    /// # Errors
    /// Returns every mistake, each with the variable's name and the remedy.
    pub fn from_env() -> Result<Self, ConfigError> {
        // Variables that are already set win over the file.
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => {
                // The line may contain a token, so the message names only the position.
                let what = match error {
                    dotenvy::Error::LineParse(_, at) => format!("has a syntax error at character {at} of a line"),
                    _ => "can't be read".to_owned(),
                };
                return Err(ConfigError(vec![format!(
                    ".env {what}. Write one NAME=value per line and put values with spaces in quotes."
                )]));
            }
            _ => {}
        }
        Self::read(|name| env::var_os(name).map(|value| value.into_string()), dirs::data_dir())
    }

    /// Returns the filter for log records.
    #[must_use]
    pub fn log_filter(&self) -> EnvFilter {
        EnvFilter::new(&self.log)
    }

    /// Reads these variables instead of the environment, for tests, examples and benchmarks.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::from_env`].
    pub fn read_from(variables: &[(&str, &str)]) -> Result<Self, ConfigError> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Self::read(|name| find(name).map(|(_, value)| Ok((*value).to_owned())), Some(std::env::temp_dir()))
    }

    /// Reads variables through `get`. `data_dir` is the user's directory for application data.
    fn read(
        get: impl Fn(&str) -> Option<Result<String, std::ffi::OsString>>,
        data_dir: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Vec::new();
        let mut text = |name: &str| match get(name) {
            Some(Ok(value)) if !value.trim().is_empty() => Some(value),
            Some(Err(_)) => {
                mistakes.push(format!("{name} isn't valid UTF-8. Set it to plain text."));
                None
            }
            _ => None,
        };
        let (database, log) = (text("ROUTEDESK_DATABASE"), text("ROUTEDESK_LOG"));
        let (token, token_file) = (text("DISCORD_TOKEN"), text("DISCORD_TOKEN_FILE"));
        let (api_proxy, guild) = (text("DISCORD_API_PROXY"), text("DISCORD_GUILD"));
        let watch = list(text("DISCORD_WATCH_CHANNELS"));
        let room = Matrix {
            homeserver: text("MATRIX_HOMESERVER"),
            user: text("MATRIX_USER"),
            password: text("MATRIX_PASSWORD"),
            password_file: text("MATRIX_PASSWORD_FILE"),
            token: text("MATRIX_ACCESS_TOKEN"),
            device: text("MATRIX_DEVICE_ID"),
            folder: text("MATRIX_DATA"),
            recovery_key_file: text("MATRIX_RECOVERY_KEY_FILE"),
            allow: list(text("MATRIX_ALLOW")),
        };
        let operators: Vec<String> = list(text("ROUTEDESK_OPERATORS"));
        if let Some(id) = operators.iter().find(|id| !is_person(id)) {
            mistakes.push(format!(
                "ROUTEDESK_OPERATORS contains `{id}`, which isn't a user ID. Write 123456789012345678 for Discord, \
                 @name:server for Matrix."
            ));
        }
        let database = match (database.map(PathBuf::from), data_dir) {
            (Some(path), _) if path.is_dir() => {
                mistakes
                    .push(format!("ROUTEDESK_DATABASE is the directory {}. Set it to a file in it.", path.display()));
                path
            }
            (Some(path), _) => path,
            (None, Some(folder)) => folder.join("routedesk").join("routedesk.db"),
            (None, None) => {
                mistakes.push(
                    "This system has no directory for application data. Set ROUTEDESK_DATABASE to a file.".into(),
                );
                PathBuf::new()
            }
        };
        let log = log.unwrap_or_else(|| "warn".to_owned());
        if log.parse::<EnvFilter>().is_err() {
            mistakes.push(format!(
                "ROUTEDESK_LOG is `{log}`, which isn't a log level. Set it to error, warn, info, debug or trace."
            ));
        }
        let mut discord = discord(token, token_file, api_proxy, guild, &mut mistakes);
        if watch.iter().any(|id| id != FORUMS && id.parse::<u64>().map_or(true, |id| id == 0)) {
            mistakes.push(format!(
                "DISCORD_WATCH_CHANNELS contains something other than channel IDs and the word `{FORUMS}`. Turn on \
                 Discord's developer mode, copy the channel IDs and separate them with commas."
            ));
        }
        if let Some(discord) = &mut discord {
            discord.watch = watch;
            discord.operators.clone_from(&operators);
        }
        let matrix = room.read(&database, &operators, &mut mistakes);
        if mistakes.is_empty() {
            Ok(Self { database, log, discord, matrix, operators })
        } else {
            Err(ConfigError(mistakes))
        }
    }
}

/// The word in `DISCORD_WATCH_CHANNELS` that lets servers turn on answers to forum posts.
pub const FORUMS: &str = "forums";

/// Splits a list at commas and spaces.
fn list(text: Option<String>) -> Vec<String> {
    text.unwrap_or_default().split([',', ' ']).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Returns true if `id` has the form of a Discord or Matrix user id.
fn is_person(id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| id > 0) || (id.starts_with('@') && id.contains(':'))
}

/// Reads the file at `path`, the value of the variable `name`, and trims it. Returns `None` if the variable is unset or
/// after recording a mistake.
fn secret_file(name: &str, path: Option<String>, mistakes: &mut Vec<String>) -> Option<String> {
    match fs::read_to_string(path?) {
        Ok(secret) if !secret.trim().is_empty() => Some(secret.trim().to_owned()),
        Ok(_) => {
            mistakes.push(format!("{name} names an empty file. Write the secret into it."));
            None
        }
        Err(error) => {
            // The message omits the value, which may be the secret itself, set by mistake.
            mistakes.push(format!("{name} doesn't name a readable file: {error}."));
            None
        }
    }
}

/// The raw values of the `MATRIX_` variables.
struct Matrix {
    homeserver: Option<String>,
    user: Option<String>,
    password: Option<String>,
    password_file: Option<String>,
    token: Option<String>,
    device: Option<String>,
    folder: Option<String>,
    recovery_key_file: Option<String>,
    allow: Vec<String>,
}

impl Matrix {
    /// Checks the values. Returns `None` if no homeserver is set. A password from the environment wins over one from a
    /// file.
    fn read(self, database: &Path, operators: &[String], mistakes: &mut Vec<String>) -> Option<MatrixConfig> {
        let from_file = || secret_file("MATRIX_PASSWORD_FILE", self.password_file, mistakes);
        let password = self.password.or_else(from_file).map(Secret);
        let recovery_key = secret_file("MATRIX_RECOVERY_KEY_FILE", self.recovery_key_file, mistakes).map(Secret);
        let homeserver = match (self.homeserver, self.user.is_some() || password.is_some() || self.token.is_some()) {
            (Some(homeserver), _) => homeserver.trim().trim_end_matches('/').to_owned(),
            (None, true) => {
                mistakes.push(
                    "MATRIX_HOMESERVER is not set. Set it to the homeserver's URL, such as https://example.org.".into(),
                );
                return None;
            }
            (None, false) => return None,
        };
        let user = self.user.map(|user| user.trim().to_owned()).unwrap_or_default();
        if user.is_empty() || user.contains(char::is_whitespace) || user.starts_with('@') != user.contains(':') {
            mistakes.push("MATRIX_USER isn't an account. Set it to @name:server, or to the name alone.".into());
        }
        let token = match (self.token, self.device) {
            (Some(token), Some(device)) => Some((Secret(token.trim().to_owned()), device.trim().to_owned())),
            (None, _) => None,
            (Some(_), None) => {
                mistakes.push(
                    "MATRIX_ACCESS_TOKEN needs MATRIX_DEVICE_ID. Set it to the ID of the device that has the token."
                        .into(),
                );
                None
            }
        };
        if let Some(one) = self
            .allow
            .iter()
            .find(|one| one.contains('/') || one.starts_with('@') != one.contains(':') && !is_port(one))
        {
            mistakes.push(format!("MATRIX_ALLOW contains `{one}`, which is neither @name:server nor a server name."));
        }
        let is_own = |id: &&String| id.starts_with('@');
        let allow = if self.allow.is_empty() { operators.iter().filter(is_own).cloned().collect() } else { self.allow };
        let folder = self.folder.map_or_else(|| database.with_file_name("matrix"), PathBuf::from);
        let operators = operators.to_vec();
        Some(MatrixConfig { homeserver, user, password, token, folder, recovery_key, allow, operators })
    }
}

/// Returns true if a server name ends with a port.
fn is_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Checks the `DISCORD_` variables. Returns `None` without a token. A token from the environment wins over one from a
/// file. The caller fills in `watch` and `operators`.
fn discord(
    token: Option<String>,
    token_file: Option<String>,
    api_proxy: Option<String>,
    guild: Option<String>,
    mistakes: &mut Vec<String>,
) -> Option<DiscordConfig> {
    let from_file = || secret_file("DISCORD_TOKEN_FILE", token_file, mistakes);
    let token = token.or_else(from_file).map(|token| token.trim().trim_start_matches("Bot ").to_owned());
    if token.as_ref().is_some_and(|token| token.contains(char::is_whitespace) || !token.is_ascii()) {
        mistakes.push(
            "DISCORD_TOKEN isn't a token: it contains spaces or characters that aren't ASCII. Copy it again from \
                       discord.com/developers: your application, Bot, Reset Token."
                .into(),
        );
    }
    let guild = guild.and_then(|guild| {
        let id = guild.trim().parse().ok().filter(|id| *id > 0);
        if id.is_none() {
            mistakes.push("DISCORD_GUILD isn't the ID of a server. Copy the ID with Discord's developer mode.".into());
        }
        id
    });
    if api_proxy.as_ref().is_some_and(|proxy| !proxy.starts_with("http://") && !proxy.starts_with("https://")) {
        mistakes.push("DISCORD_API_PROXY isn't a URL. Write it as http://host:port.".into());
    }
    let api_proxy = api_proxy.map(|proxy| proxy.trim_end_matches('/').to_owned());
    token.map(|token| DiscordConfig {
        token: Secret(token),
        api_proxy,
        guild,
        watch: Vec::new(),
        operators: Vec::new(),
    })
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
    fn a_token_is_read_and_never_shown() {
        let get = |name: &str| match name {
            "DISCORD_TOKEN" => Some(Ok(" Bot abc.def.ghi\n".to_owned())),
            "DISCORD_API_PROXY" => Some(Ok("http://127.0.0.1:8080/".to_owned())),
            "ROUTEDESK_OPERATORS" => Some(Ok("1, 2".to_owned())),
            "DISCORD_WATCH_CHANNELS" => Some(Ok("12,forums".to_owned())),
            _ => None,
        };
        let config = Config::read(get, Some("/data".into())).unwrap();
        let discord = config.discord.clone().unwrap();
        assert_eq!(discord.token.expose(), "abc.def.ghi");
        assert_eq!(discord.api_proxy.as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(config.operators, ["1", "2"]);
        assert_eq!(discord.watch, ["12", "forums"]);
        assert!(!format!("{config:?}").contains("abc"));
    }

    #[test]
    fn mistakes_about_discord_are_reported_together_and_without_the_token() {
        let get = |name: &str| match name {
            "DISCORD_TOKEN" => Some(Ok("my secret token".to_owned())),
            "DISCORD_GUILD" => Some(Ok("my server".to_owned())),
            "DISCORD_API_PROXY" => Some(Ok("127.0.0.1".to_owned())),
            "DISCORD_WATCH_CHANNELS" => Some(Ok("12, #general".to_owned())),
            "ROUTEDESK_OPERATORS" => Some(Ok("12, @me:example.org, somebody".to_owned())),
            _ => None,
        };
        let error = Config::read(get, Some("/data".into())).unwrap_err();
        assert_eq!(error.0.len(), 5, "{error}");
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn the_matrix_settings_are_read_and_secrets_never_shown() {
        let config = Config::read_from(&[
            ("ROUTEDESK_DATABASE", "/data/desk.db"),
            ("MATRIX_HOMESERVER", "https://example.org/"),
            ("MATRIX_USER", "desk"),
            ("MATRIX_PASSWORD", "hush"),
            ("ROUTEDESK_OPERATORS", "12 @me:example.org"),
        ])
        .unwrap();
        let matrix = config.matrix.clone().unwrap();
        assert_eq!(matrix.homeserver, "https://example.org");
        assert_eq!(matrix.folder, PathBuf::from("/data/matrix"));
        assert_eq!(matrix.allow, ["@me:example.org"]);
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn mistakes_about_matrix_are_reported_together() {
        let error = Config::read_from(&[
            ("MATRIX_HOMESERVER", "example.org"),
            ("MATRIX_USER", "desk:example.org"),
            ("MATRIX_ACCESS_TOKEN", "hush"),
            ("MATRIX_ALLOW", "@me:example.org, example.org:8448, other:example.org"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 3, "{error}");
        let error = Config::read_from(&[("MATRIX_USER", "desk")]).unwrap_err();
        assert!(error.to_string().contains("MATRIX_HOMESERVER"), "{error}");
    }

    #[test]
    fn every_mistake_is_reported() {
        let get = |name: &str| match name {
            "ROUTEDESK_DATABASE" => Some(Ok("/".to_owned())),
            "ROUTEDESK_LOG" => Some(Ok("shout=very=loud".to_owned())),
            _ => None,
        };
        let ConfigError(mistakes) = Config::read(get, None).unwrap_err();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }
}
