//! What a newcomer reads when everything is up: commands to copy and paste.

use std::env;
use std::io;
use std::path::Path;

use crate::console;
use crate::dev_json::DevJson;

/// Prints where everything is, and the tour.
pub(super) fn print(dev: &DevJson, data_dir: &Path) -> io::Result<()> {
    let program = env::current_exe()?;
    let program = program.display();
    let url = dev.url.as_str().trim_end_matches('/');
    let guid = dev.environment_guid;
    let key = dev.private_key_path.display();
    let data_dir = data_dir.display();
    console::result(format_args!(
        r#"
Work API is running; Ctrl-C stops it.

  REST API    {url}
  schema      {url}/schema.json
  metrics     {metrics}metrics
  sandbox     {sandbox}
  data        {data_dir}
  log         {data_dir}/logs/work-api.log

A tour, to copy into another terminal:

  # 1. Sign an account provider token (APT), and create a user with it.
  APT=$('{program}' apt --environment {guid} --key '{key}')
  TOKEN=$(curl -s {url}/users -H "Authorization: Bearer $APT" \
    -H 'Content-Type: application/vnd.api+json' \
    -d '{{"data":{{"type":"user","attributes":{{"arbitrary_id":"me-'$(date +%s)'","environment_guid":"{guid}"}}}}}}' \
    | sed 's/.*"token":"\([^"]*\)".*/\1/')

  # 2. Create an integration with the sandbox provider.
  ID=$(curl -s {url}/integrations -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/vnd.api+json' \
    -d '{{"data":{{"type":"integration","attributes":{{"provider":"sandbox","media_type":"email"}}}}}}' \
    | sed 's/.*"id":"\([^"]*\)".*/\1/')

  # 3. Open the printed address in a browser, and consent.
  curl -s {url}/auth/init/$ID -H "Authorization: Bearer $TOKEN"; echo

  # 4. See the account that you chose as provider_id.
  curl -s {url}/integrations/$ID -H "Authorization: Bearer $TOKEN"; echo

Or all of it at once, with a refresh, a reconnect and the end of it:

  '{program}' demo --data-dir '{data_dir}'
"#,
        metrics = dev.metrics_url,
        sandbox = dev.sandbox_url.as_str().trim_end_matches('/'),
    ))
}
