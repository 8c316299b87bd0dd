# A training job that serves nothing: before each step it takes CPU seconds from a pool of the policy service, and stops when there are none left.
# Usage: train.py URL POOL NAMESPACE STEPS SECONDS_A_STEP, such as: train.py http://127.0.0.1:9091 cpu-seconds default 8 10. Prints one JSON line at the end. Needs nothing but Python 3.
# Who it is, its token says (`xebec policy token trainer > token`, and TOKEN_FILE=token), or the sidecar that it calls through.
import json
import os
import sys
import urllib.error
import urllib.request
import uuid


def credentials():
    file = os.environ.get("TOKEN_FILE")
    if file is None:
        return {}
    with open(file) as token:
        return {"authorization": "Bearer " + token.read().strip()}


def allocate(url, pool, namespace, amount, step_id):
    body = {
        "quota": pool,
        "amount": amount,
        "deduplicationId": step_id,
        "attributes": {"destination.namespace": namespace},
    }
    request = urllib.request.Request(
        url + "/v1/quotas/allocate",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", **credentials()},
    )
    for attempt in range(3):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError):
            # The same id: a step is charged once however often it is asked for.
            if attempt == 2:
                raise


def main():
    url, pool, namespace, steps, seconds = sys.argv[1:]
    job = str(uuid.uuid4())
    done = 0
    for step in range(int(steps)):
        answer = allocate(url, pool, namespace, int(seconds), f"{job}/{step}")
        if not answer["allowed"]:
            print(json.dumps({"done": done, "stopped": True, "remaining": str(answer.get("remaining"))}))
            return
        sum(i * i for i in range(20_000))
        done += 1
    print(json.dumps({"done": done, "stopped": False}))


main()
