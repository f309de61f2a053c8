//! All platforms that are set up, beside each other on one desk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::desk::Desk;

/// How long the platforms may take to end.
const LAST_CALL: Duration = Duration::from_secs(20);

/// Serves on all platforms that are set up until `stop` is done or one can't go on; that ends the others, so that the
/// operator sees it. What they should see otherwise is given to `announce`.
///
/// # Errors
/// Why a platform can't go on, with the remedy.
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
    // Before either begins, so that neither misses the other's end.
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
        // The platforms end now, unless one hangs in a request.
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::select! {
        // First, so that who stops the program is heard before anything is begun.
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
        anyhow::bail!("this program was built without Discord; build it with the feature `discord`");
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
        anyhow::bail!("this program was built without Matrix; build it with the feature `matrix`");
    }
}
