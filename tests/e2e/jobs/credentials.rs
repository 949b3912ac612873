//! Lists of credentials.

use tonic::Code;
use workapi_proto::auth::v1::ListCredentialsRequest;
use workapi_tests::bearing;

use super::{ANN, Operated};

#[tokio::test]
async fn credentials_are_listed_by_what_is_wrong_with_them() {
    let operated = Operated::start().await;
    let given_up = operated.given_up().await;
    let active = operated.user.connect("event", ANN).await;
    let (mut credentials, _, token) = operated.environment.operator().await;
    let mut list = async |request: ListCredentialsRequest| {
        let listed = credentials.list_credentials(bearing(request, &token)).await;
        listed.map(tonic::Response::into_inner)
    };

    let first = list(ListCredentialsRequest {
        page_size: 1,
        environment_guid: operated.environment.guid.clone(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();
    let second = list(ListCredentialsRequest {
        page_token: first.next_page_token.clone(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();
    let broken = list(ListCredentialsRequest {
        state: "needs_operator".to_owned(),
        cause: "internal".to_owned(),
        provider: "sandbox".to_owned(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();

    let ids = [&first, &second].map(|page| page.credentials[0].integration_id.clone());
    let mut expected = [given_up.clone(), active];
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!((first.credentials.len(), second.credentials.len()), (1, 1));
    assert_eq!(second.next_page_token, "");
    assert_eq!(broken.credentials.len(), 1);
    let found = &broken.credentials[0];
    assert_eq!(
        (&found.integration_id, found.action.as_str()),
        (&given_up, "operator")
    );
    assert_eq!(found.environment_guid, operated.environment.guid);
    assert!(!format!("{broken:?}").contains(ANN));
    for wrong in [
        ListCredentialsRequest {
            state: "broken".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            cause: "bad luck".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            provider: "No Provider".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            page_size: 1001,
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            page_token: "1".to_owned(),
            ..ListCredentialsRequest::default()
        },
    ] {
        let refused = list(wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
    let nowhere = list(ListCredentialsRequest {
        environment_guid: "X".to_owned(),
        ..ListCredentialsRequest::default()
    });
    assert_eq!(nowhere.await.unwrap_err().code(), Code::NotFound);
}
