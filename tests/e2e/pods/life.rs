//! From creation to removal, of pods and of their containers.

use super::plain;
use nexcage_tests::{Cri, Sandbox, await_that};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn containers_stop_in_their_time_and_pods_go_with_all_they_have() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("life", &plain());
    let polite =
        pod.run("polite", "trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.1; done", &plain());
    await_that("it is up", || polite.log("stdout") == "up\n");
    polite.call("StopContainer", &json!({ "timeout": 10 }));
    assert_eq!(
        (polite.status()["exit_code"].as_i64(), polite.log("stdout").as_str()),
        (Some(4), "up\nbye\n")
    );
    let stubborn = pod.run("stubborn", "trap 'echo no' TERM; echo up; while :; do sleep 0.1; done", &plain());
    await_that("it is up", || stubborn.log("stdout") == "up\n");
    let began = Instant::now();
    stubborn.call("StopContainer", &json!({ "timeout": 1 }));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(
        (stubborn.status()["exit_code"].as_i64(), stubborn.log("stdout").as_str()),
        (Some(137), "up\nno\n")
    );
    stubborn.call("StopContainer", &json!({ "timeout": 1 }));
    stubborn.call("RemoveContainer", &plain());

    for attempt in 0..3 {
        let again = json!({ "metadata": { "attempt": attempt } });
        let said = pod.run("brief", &format!("exit {attempt}"), &again).to_the_end();
        assert_eq!(said.status, attempt);
    }
    let created = pod.create("created", "true", &plain());
    assert_eq!(created.status()["state"], "CONTAINER_CREATED");
    let wrong = pod.create("wrong", "true", &json!({ "command": ["/bin/nothing"] }));
    let failed = cri.ask("RuntimeService/StartContainer", &json!({ "container_id": wrong.id })).unwrap_err();
    assert!(failed.error.contains("NX-NO-PROGRAM"), "{failed:?}");
    assert_eq!(wrong.status()["state"], "CONTAINER_EXITED");

    pod.call("StopPodSandbox");
    pod.call("StopPodSandbox");
    assert_eq!(pod.status()["state"], "SANDBOX_NOTREADY");
    pod.remove();
    cri.assert_clean();
}
