//! Runs all configured platforms side by side on one desk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::desk::Desk;

/// The time that the platforms get to shut down: more than the 16 seconds of Discord and the 10 seconds of Matrix.
const LAST_CALL: Duration = Duration::from_secs(20);

/// Runs all configured platforms until `stop` completes or one of them fails.
///
/// A failing platform stops the others, so that the operator notices. `announce` receives start-up notices for the
/// operator.
///
/// # Errors
/// If a platform fails; the error names the remedy.
pub async fn serve(
    config: &Config,
    desk: &Arc<Desk>,
    announce: impl Fn(&str) + Copy,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (end, _) = watch::channel(());
    let ended = || {
        let mut told = end.subscribe();
        async move { drop(told.changed().await) }
    };
    // Subscribe before either platform starts, so that neither misses the other's failure.
    let (discord_ended, matrix_ended) = (ended(), ended());
    let all = async {
        tokio::join!(
            async { discord(config, desk, announce, discord_ended).await.inspect_err(|_| end.send_replace(())) },
            async { matrix(config, desk, announce, matrix_ended).await.inspect_err(|_| end.send_replace(())) },
        )
    };
    let told = async {
        stop.await;
        end.send_replace(());
        // The platforms return before this, unless one hangs in a request.
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::select! {
        // Poll `stop` first, so that a stop request takes effect before any platform starts.
        biased;
        () = told => Ok(()),
        (discord, matrix) = all => discord.and(matrix),
    }
}

async fn discord(
    config: &Config,
    desk: &Arc<Desk>,
    announce: impl Fn(&str),
    ended: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let Some(discord) = &config.discord else { return Ok(()) };
    #[cfg(feature = "discord")]
    return super::discord::serve(discord, Arc::clone(desk), &config.database, announce, ended).await;
    #[cfg(not(feature = "discord"))]
    {
        let _ = (discord, desk, announce, ended);
        anyhow::bail!(
            "this program was built without Discord; unset the DISCORD_ variables, or build with the feature `discord`"
        );
    }
}

async fn matrix(
    config: &Config,
    desk: &Arc<Desk>,
    announce: impl Fn(&str),
    ended: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let Some(matrix) = &config.matrix else { return Ok(()) };
    #[cfg(feature = "matrix")]
    return super::matrix::serve(matrix, Arc::clone(desk), &config.database, announce, ended).await;
    #[cfg(not(feature = "matrix"))]
    {
        let _ = (matrix, desk, announce, ended);
        anyhow::bail!(
            "this program was built without Matrix; unset the MATRIX_ variables, or build with the feature `matrix`"
        );
    }
}
