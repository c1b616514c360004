//! `GET /v1/orgs/self`.

use crate::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_stays_the_same_over_a_restart() {
    let mut rig = Rig::start().await;
    let before = rig.get("/v1/orgs/self").await;
    let data = &before["data"];
    assert_eq!(data["external_id"].as_str().unwrap().len(), 64);
    assert_eq!(data["id"].as_str().unwrap().len(), 36);
    assert_eq!(data["created_at"], "2024-01-01T00:00:00Z");
    assert_eq!(data["clusters"][0]["cluster_type"], "PUBLIC");
    // One member more, and the first generation of the Python client refuses the answer.
    let names: Vec<&String> = data.as_object().unwrap().keys().collect();
    let known = [
        "clusters",
        "created_at",
        "display_name",
        "external_id",
        "id",
        "rockset_user",
    ];
    assert_eq!(names, known);
    rig.restart().await;
    let after = rig.get("/v1/orgs/self").await;
    for member in ["id", "external_id", "created_at"] {
        assert_eq!(after["data"][member], data[member]);
    }
}
