/// The API's description, served at `/v1/openapi.json`. A test compares its paths with the real routes.
enum OpenAPI {
  // swift-format-ignore
  static let document = #"""
    {"openapi":"3.0.3","info":{"title": "Muster", "version": "0.1.0", "description":
    "The control plane of a GPU fleet. Every request needs `Authorization: Bearer TOKEN`. Times are RFC 3339 in UTC; durations are numbers in fields that end in Seconds."
    },"security":[{"bearer": []}],
    "paths":{
    "/metrics":{"get": {"summary": "Metrics for Prometheus (the metrics token, or the people's)", "responses": {"200": {
    "description": "text of Prometheus, or OpenMetrics where Accept asks for it: docs/metrics.md", "content": {"text/plain": {
    "schema": {"type": "string"}}, "application/openmetrics-text": {"schema": {"type": "string"}}}}, "default": {"description":
    "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}}},
    "/":{"get": {"summary": "The page; without a session, its login", "responses": {"200": {"description": "done",
    "content": {"text/html": {"schema": {"type": "string"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name": "refused", "in":
    "query", "schema": {"type": "string"}, "description": "the login before this one was refused"}]}},
    "/page/{file}":{"get": {"summary": "A file of the page", "responses": {"200": {"description": "done"}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "file", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/page/lib/{file}":{"get": {"summary": "A library of the system that the page uses", "responses": {"200": {"description": "done"}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "file", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/login":{"post": {"summary": "Begin a session: a cookie for this page's requests", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"expiresSeconds": {"type": "integer"}}}}}}, "303":
    {"description": "to a form's sender: to the page, or back with `refused`"}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "requestBody": {"required": true, "content":
    {"application/json": {"schema": {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}},
    "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"token": {"type": "string"}}}}}}}},
    "/logout":{"post": {"summary": "End the session", "responses": {"303": {"description": "to the login"}, "2XX": {"description": "done"}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}}},
    "/v1/link":{"post": {"summary": "The link of agents and shims (a node's certificate, or without TLS its token)", "responses": {"200": {
    "description": "a stream of JSON lines that never ends", "content": {"application/x-ndjson": {"schema": {
    "type": "string"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref"
    : "#/components/schemas/Error"}}}}}}},
    "/v1/join":{"post": {"summary": "Certify a machine's key (a join token in the body; no bearer token)",
    "responses": {"200": {"description": "the certificate", "content": {"application/json": {"schema": {"type":
    "object", "properties": {"node": {"type": "string"}, "certificate": {"type": "string"}, "authority": {"type":
    "string"}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "properties": {"token": {"type": "string"}, "node": {"type": "string"},
    "request": {"type": "string", "description": "PKCS #10, DER in base64"}}, "required": ["token", "node",
    "request"]}}}}}},
    "/v1/tokens":{"post": {"summary": "Make a join token (only with TLS)", "responses": {"201": {"description":
    "the token, shown once", "content": {"application/json": {"schema": {"type": "object", "properties": {"token":
    {"type": "string"}, "id": {"type": "integer"}, "expiresAt": {"type": "string"}, "fingerprint": {"type":
    "string"}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "properties": {"expiresSeconds": {"type": "number", "description":
    "60 to 2592000, default 3600"}}}}}}}},
    "/v1/version":{"get": {"summary": "The version", "responses": {"200": {"description": "done", "content": {
    "application/json": {"schema": {"type": "object", "properties": {"version": {"type": "string"}, "protocol": {
    "type": "integer"}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {
    "$ref": "#/components/schemas/Error"}}}}}}},
    "/v1/openapi.json":{"get": {"summary": "This document", "responses": {"200": {"description": "done", "content"
    : {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {
    "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}}},
    "/v1/cluster":{"get": {"summary": "Counts of nodes and jobs, epoch and sequence", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}}},
    "/v1/jobs":{"get": {"summary": "Jobs by ascending number", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"jobs": {"type": "array", "items"
    : {"$ref": "#/components/schemas/Job"}}, "next": {"type": "integer", "nullable": true}}}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "state", "in": "query", "schema": {"type": "string"}, "description":
    "states, with commas"}, {"name": "after", "in": "query", "schema": {"type": "integer"}, "description":
    "jobs after this number"}, {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description":
    "1 to 500"}, {"name": "all", "in": "query", "schema": {"type": "integer"}, "description":
    "accepted; all known jobs are listed anyway"}, {"name": "array", "in": "query", "schema": {"type": "integer"},
    "description": "only the tasks of this array, whose number is its first task's"}, {"name": "index", "in": "query",
    "schema": {"type": "integer"}, "description": "with array: only the task of this index"}]}, "post": {"summary":
    "Submit a job, or 1 to 1,000 of them: all are accepted, durably, or none", "responses": {"201": {"description"
    : "accepted and durable", "content": {"application/json": {"schema": {"oneOf": [{"$ref":
    "#/components/schemas/Submitted"}, {"type": "array", "items": {"$ref": "#/components/schemas/Submitted"
    }}]}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {
    "type": "string"}, "description": "at most 255 bytes, remembered for a day"}], "requestBody": {"required"
    : true, "content": {"application/json": {"schema": {"oneOf": [{"$ref": "#/components/schemas/JobFile"}, {
    "type": "array", "items": {"$ref": "#/components/schemas/JobFile"}}]}}}}}},
    "/v1/queue":{"get": {"summary": "Jobs that wait, in the scheduler's order", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"jobs": {"type": "array", "items"
    : {"$ref": "#/components/schemas/QueuedJob"}}, "next": {"type": "integer", "nullable": true}}}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "after", "in": "query", "schema": {"type": "integer"}, "description":
    "from this position on: `next` of the page before"}, {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description":
    "1 to 500; a page has at most 200"}, {"name": "project", "in": "query", "schema": {"type": "string"},
    "description": "of its jobs alone; a page may then be empty and yet have a `next`"}]}},
    "/v1/jobs/{id}":{"get": {"summary": "A job with its ranks, spec and attempts", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobDetail"
    }}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {
    "type": "integer"}}]}},
    "/v1/jobs/{id}/cancel":{"post": {"summary": "Cancel a job", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobDetail"}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}},
    "/v1/jobs/{id}/hold":{"post": {"summary": "Keep a pending job from starting", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobDetail"}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}},
    "/v1/jobs/{id}/release":{"post": {"summary": "Let a held job start", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobDetail"}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}},
    "/v1/jobs/{id}/why":{"get": {"summary": "Why a job waits, by the scheduler's own word", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Why"}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {
    "type": "integer"}}]}},
    "/v1/jobs/{id}/report":{"get": {"summary": "Where a job's time went, and its faults", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {
    "type": "integer"}}]}},
    "/v1/jobs/{id}/logs":{"get": {"summary": "A rank's log, read from its node", "responses": {"200": {
    "description": "the log; to carry on after a lost connection, accept parts, each behind a line NEXT LENGTH with the offset to ask for after it", "content": {"text/plain": {"schema": {"type": "string"}},
    "application/vnd.muster.log-parts": {"schema": {"type": "string", "format": "binary"}}}}, "default": {
    "description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"
    }}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}, {"name":
    "rank", "in": "query", "schema": {"type": "integer"}, "description": "default 0"}, {"name": "attempt", "in":
    "query", "schema": {"type": "integer"}, "description": "default: the latest"}, {"name": "offset", "in":
    "query", "schema": {"type": "integer"}, "description": "bytes to skip"}, {"name": "follow", "in": "query",
    "schema": {"type": "integer"}, "description": "1: until the attempt has ended"}]}},
    "/v1/nodes":{"get": {"summary": "Nodes in the order in which they joined", "responses": {"200": {"description"
    : "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"nodes": {"type":
    "array", "items": {"$ref": "#/components/schemas/Node"}}, "next": {"type": "string", "nullable": true}}}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "after", "in": "query", "schema": {"type": "string"
    }, "description": "nodes after this one"}, {"name": "limit", "in": "query", "schema": {"type": "integer"},
    "description": "1 to 500"}]}},
    "/v1/nodes/{name}":{"get": {"summary": "A node", "responses": {"200": {"description": "done", "content": {
    "application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}, "default": {"description": "refused"
    , "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{
    "name": "name", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/v1/nodes/{name}/drain":{"post": {"summary": "Take a node out of service when its jobs have ended",
    "responses": {"200": {"description": "done", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Node"}}}}, "default": {"description": "refused", "content": {"application/json": {
    "schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name": "name", "in": "path", "required"
    : true, "schema": {"type": "string"}}], "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]}}}}}},
    "/v1/nodes/{name}/resume":{"post": {"summary": "Put a node back into service", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "name", "in": "path", "required": true, "schema": {
    "type": "string"}}]}},
    "/v1/nodes/{name}/fence":{"post": {"summary": "Vouch that nothing runs on a node any more", "responses": {
    "200": {"description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"
    }}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "name", "in": "path", "required": true, "schema": {
    "type": "string"}}], "requestBody": {"required": true, "content": {"application/json": {"schema": {"type":
    "object", "properties": {"confirmDead": {"type": "boolean"}}, "required": ["confirmDead"]}}}}}},
    "/v1/nodes/{name}/revoke":{"post": {"summary": "Put a machine out for ever", "responses": {"200": {
    "description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "name", "in": "path", "required": true, "schema": {
    "type": "string"}}]}},
    "/v1/devices":{"get": {"summary": "The fleet's devices by what they do now, as their counters tell", "responses": {"200": {"description":
    "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"devices": {"type": "integer"}, "measured":
    {"type": "integer", "description": "heard of in the last 90 s"}, "source": {"type": "string", "nullable": true, "description":
    "null: nothing feeds it"}, "sources": {"type": "object", "description": "nodes by source"}, "states": {"$ref":
    "#/components/schemas/DeviceStates"}, "meanPowerWatts": {"type": "number", "nullable": true}, "projects": {"type": "array",
    "items": {"type": "object"}}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}}},
    "/v1/nodes/{name}/devices":{"get": {"summary": "What each device of a node does, and with from or to what it did", "responses": {"200":
    {"description": "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"node": {"type": "string"},
    "deviceType": {"type": "string"}, "source": {"type": "string", "nullable": true, "description": "null: nothing came in the last 90 s"},
    "at": {"type": "string", "nullable": true}, "devices": {"type": "array", "items": {"$ref": "#/components/schemas/Device"}}, "step":
    {"type": "string"}, "series": {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "string"}, "lengthSeconds":
    {"type": "number"}, "devices": {"type": "array", "items": {"$ref": "#/components/schemas/Device"}}}}}, "next": {"type": "string",
    "nullable": true, "description": "the from of what was left out"}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name": "name", "in": "path",
    "required": true, "schema": {"type": "string"}}, {"name": "from", "in": "query", "schema": {"type": "string"}, "description":
    "a moment; default: an hour before to"}, {"name": "to", "in": "query", "schema": {"type": "string"}, "description":
    "a moment; default: now"}, {"name": "step", "in": "query", "schema": {"type": "string", "enum": ["10s", "1m", "1h"]}, "description":
    "default: the finest below 500 points"}]}},
    "/v1/jobs/{id}/devices":{"get": {"summary": "What the devices of a job have done: together, by minute, and each of its newest attempt",
    "responses": {"200": {"description": "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"id": {"type":
    "integer"}, "source": {"type": "string", "nullable": true, "description": "null: nothing was measured"}, "deviceType": {"type": "string",
    "nullable": true}, "attempt": {"type": "integer"}, "from": {"type": "string", "nullable": true}, "to": {"type": "string", "nullable": true},
    "measuredDeviceHours": {"type": "number"}, "states": {"$ref": "#/components/schemas/DeviceStates"}, "counters": {"type": "object"},
    "counterMFU": {"type": "number", "nullable": true}, "series": {"type": "array", "description": "at most 500 points", "items": {"type":
    "object"}}, "devicesBy": {"type": "string", "enum": ["device", "node"], "description": "by node where there are more than 4,096"},
    "devices": {"type": "array", "items": {"type": "object"}}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name": "id", "in": "path", "required": true,
    "schema": {"type": "integer"}}, {"name": "from", "in": "query", "schema": {"type": "string"}, "description":
    "of the series; default: the job's first rollup"}, {"name": "to", "in": "query", "schema": {"type": "string"}}]}},
    "/v1/policy":{"get": {"summary": "Topology, projects and priorities as declared", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Policy"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}},
    "put": {"summary": "Declare what the body mentions; the rest is kept", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"dryRun": {
    "type": "boolean"}, "changes": {"type": "array", "items": {"type": "object", "properties": {"change": {"type":
    "string", "enum": ["added", "removed", "changed"]}, "what": {"type": "string"}, "name": {"type": "string"}, "text": {
    "type": "string"}}}}, "warnings": {"type": "array", "items": {"type": "string"}}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "dryRun", "in": "query",
    "schema": {"type": "boolean"}, "description": "true: only say what would change"}], "requestBody": {"required": true,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Policy"}}}}}},
    "/v1/quota":{"get": {"summary": "What each project is guaranteed, and the devices that its running jobs hold", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {
    "projects": {"type": "array", "items": {"type": "object"}}, "deviceTypes": {"type": "array", "items": {"type":
    "object"}}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}}},
    "/v1/topology":{"get": {"summary": "The fleet by its places: what is free, busy and out of service, and how many gangs would find whole free nodes within one domain", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"levels": {"type": "array", "items": {"type":
    "string"}, "description": "outermost first"}, "domains": {"type": "array", "items": {"$ref": "#/components/schemas/Domain"},
    "description": "each is followed by those within it"}, "places": {"type": "array", "items": {"type": "object", "properties": {
    "level": {"type": "string"}, "nodes": {"type": "integer"}, "count": {"type": "integer"}}}}}}}}}, "default": {"description":
    "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name":
    "level", "in": "query", "schema": {"type": "string"}, "description": "only the domains of this level"}]}},
    "/v1/map":{"get": {"summary": "Every node's place, standing and use, in columns of runs: docs/page.md", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Map"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name":
    "after", "in": "query", "schema": {"type": "integer"}, "description": "at least as new as this sequence; without it the answer may be one second old"}]}},
    "/v1/top":{"get": {"summary": "The fleet now, where GPU time of the last minutes went, and the jobs that stand out", "responses": {"200": {"description":
    "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"top": {"type": "array", "items": {"type":
    "object", "properties": {"busy": {"type": "number", "nullable": true, "description": "of the last minute or two, from counters; null: nobody measures"},
    "mfu": {"type": "object", "properties": {"counters": {"type": "number", "nullable": true}, "declared": {"type": "number",
    "nullable": true}}}}}}, "worstWaste": {"type": "object", "nullable": true, "description": "the finding that costs most of the last hour's time of jobs that run"}}}}}}, "default": {"description": "refused", "content":
    {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "parameters": [{"name": "limit", "in": "query",
    "schema": {"type": "integer"}, "description": "jobs, 1 to 500 (50)"}, {"name": "minutes", "in": "query", "schema": {"type":
    "integer"}, "description": "of which GPU time is told, 1 to 10,080 (15)"}, {"name": "order", "in": "query", "schema": {"type":
    "string"}, "description": "gpus (default), lost, time"}, {"name": "project", "in": "query", "schema": {"type": "string"}, "description": "of its jobs alone, and of their time"}]}},
    "/v1/accounts":{"get": {"summary": "Where every GPU-millisecond went, from the journal", "responses": {"200": {"description":
    "done", "content": {"application/json": {"schema": {"type": "object", "properties": {"by": {"type": "string"}, "from": {"type":
    "string"}, "to": {"type": "string"}, "asOf": {"type": "string"}, "capacityGpuMilliseconds": {"type": "integer"},
    "accountedGpuMilliseconds": {"type": "integer"}, "fleet": {"$ref": "#/components/schemas/Accounts"}, "rows": {"type": "array",
    "items": {"$ref": "#/components/schemas/Accounts"}}, "next": {"type": "integer", "nullable": true}, "restatements": {"type":
    "array", "items": {"type": "object"}, "description": "the newest 100: what was told as productive and turned out otherwise"}}}}}},
    "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "by", "in": "query", "schema": {"type": "string"}, "description": "job, project (default), user, type, day"},
    {"name": "from", "in": "query", "schema": {"type": "string"}, "description": "a moment; default: the first fact"}, {"name": "to",
    "in": "query", "schema": {"type": "string"}, "description": "a moment; default: now"}, {"name": "after", "in": "query", "schema":
    {"type": "integer"}, "description": "rows after this `next`"}, {"name": "limit", "in": "query", "schema": {"type": "integer"},
    "description": "1 to 10,000"}]}},
    "/v1/jobs/{id}/efficiency":{"get": {"summary": "What a job wasted, on what, what to do next, and what it costs", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Efficiency"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}, "description": "the job"}]}},
    "/v1/efficiency":{"get": {"summary": "Thresholds, prices and idle rules that hold, each with its source", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}}},
    "/v1/waste":{"get": {"summary": "Findings of all jobs, worst first", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "by", "in": "query", "schema": {"type": "string"}, "description": "job (default), project or user"}, {"name": "project", "in": "query", "schema": {"type": "string"}, "description": "of its jobs alone"}, {"name": "from", "in": "query", "schema": {"type": "string"}, "description": "RFC 3339 with its zone"}, {"name": "to", "in": "query", "schema": {"type": "string"}, "description": "RFC 3339 with its zone; default: now"}, {"name": "after", "in": "query", "schema": {"type": "integer"}, "description": "rows after this place: next of the page before"}, {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description": "1 to 500, default 50"}]}},
    "/v1/goodput":{"get": {"summary": "Goodput as scheduling x runtime x program: docs/accounts.md", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
    "parameters": [{"name": "by", "in": "query", "schema": {"type": "string"}, "description": "project (default) or day"}, {"name": "project", "in": "query", "schema": {"type": "string"}, "description": "of its jobs alone, without scheduling"}, {"name": "from", "in": "query", "schema": {"type": "string"}, "description": "RFC 3339 with its zone"}, {"name": "to", "in": "query", "schema": {"type": "string"}, "description": "RFC 3339 with its zone; default: now"}]}},
    "/v1/maintenance":{"get": {"summary": "Times in which nodes take no work", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"maintenance": {"type": "array", "items":
    {"$ref": "#/components/schemas/Maintenance"}}}}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}},
    "post": {"summary": "Plan a maintenance", "responses": {"201": {"description": "done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Maintenance"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "requestBody": {"required": true, "content": {
    "application/json": {"schema": {"type": "object", "properties": {"from": {"type": "string", "description":
    "default: now"}, "to": {"type": "string"}, "forSeconds": {"type": "number", "description": "instead of to"}, "nodes":
    {"type": "string", "description": "node-[1-18]"}, "within": {"type": "object", "properties": {"level": {"type":
    "string"}, "domain": {"type": "string"}}, "description": "instead of nodes"}, "reason": {"type": "string"}}}}}}}},
    "/v1/maintenance/{id}":{"delete": {"summary": "Remove a maintenance", "responses": {"200": {"description": "done",
    "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "id", "in": "path", "required": true, "schema": {
    "type": "integer"}}]}},
    "/v1/events":{"get": {"summary": "Facts as they become durable", "responses": {"200": {"description":
    "server-sent events; ids are journal sequences. `resync`: read the state again, events follow from its id on (too slow a client, or a sequence beyond the journal's end)", "content": {"text/event-stream": {"schema": {"type": "string"
    }}}}, "default": {"description": "refused", "content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/Error"}}}}}, "parameters": [{"name": "after", "in": "query", "schema": {"type":
    "integer"}, "description": "events after this sequence; default: from now on, or from the first with follow=0"
    }, {"name": "job", "in": "query", "schema": {"type": "integer"}, "description": "of this job alone"}, {"name"
    : "follow", "in": "query", "schema": {"type": "integer"}, "description": "0: the stored ones, then end"}, {
    "name": "Last-Event-ID", "in": "header", "schema": {"type": "integer"}, "description": "as after"}]}},
    "/v1/inject":{"post": {"summary": "A fault on purpose", "responses": {"202": {"description": "sent", "content"
    : {"application/json": {"schema": {"type": "object"}}}}, "default": {"description": "refused", "content": {
    "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}, "requestBody": {"required": true,
    "content": {"application/json": {"schema": {"type": "object", "properties": {"kind": {"type": "string", "enum"
    : ["kill-rank", "stop-rank", "kill-node", "kill-agent"]}, "job": {"type": "integer"}, "rank": {"type":
    "integer"}, "node": {"type": "string"}}, "required": ["kind"]}}}}}}
    },
    "components":{"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": {"Error": {
    "type": "object", "properties": {"error": {"type": "object", "properties": {"code": {"type": "string"},
    "message": {"type": "string"}, "remedy": {"type": "string"}, "problems": {"type": "array", "items": {"type":
    "object", "properties": {"index": {"type": "integer"}, "line": {"type": "integer"}, "field": {"type": "string"
    }, "value": {"type": "string"}, "allowed": {"type": "string"}}}}}, "required": ["code", "message", "remedy"
    ]}}, "required": ["error"]}, "Accounts": {"type": "object", "description":
    "a row: by job with its name, state, project and user", "properties": {"key": {"nullable": true, "description":
    "a job's number, a project, a user, a device type, a day; null: what no job has"}, "gpuMilliseconds": {"type": "object",
    "description": "by account: docs/efficiency.md", "additionalProperties": {"type": "integer"}}, "provisionalGpuMilliseconds":
    {"type": "integer", "description": "of them: may still become something else"}, "goodput": {"type": "number", "nullable": true,
    "description": "productive over held by jobs"}}}, "Efficiency": {"type": "object", "properties": {"id": {"type": "integer"}, "goodput": {"type": "number", "nullable": true},
    "gpuMilliseconds": {"type": "object", "additionalProperties": {"type": "integer"}}, "gpuHoursHeld": {"type": "number"},
    "gpuHoursWasted": {"type": "number"}, "counters": {"type": "object", "nullable": true, "description": "null: nobody reads them"},
    "mfu": {"type": "object", "properties": {"counters": {"type": "number", "nullable": true}, "declared": {"type": "number",
    "nullable": true}, "basis": {"type": "string", "nullable": true, "description": "what the counters' figure rests on"}, "declaredBasis":
    {"type": "string", "nullable": true}, "note": {"type": "string", "nullable": true, "description": "why the devices' part is not known"},
    "disagreement": {"type": "string", "nullable": true}}}, "findings": {"type": "array", "items": {"type":
    "object", "properties": {"kind": {"type": "string", "enum": ["hung", "redone", "starting", "straggling", "inputStall", "allIdle", "idleDevices",
    "fp32Matrices", "launchBound", "lowUse", "memoryBound", "powerCapped", "walltime", "mfuDisagreement", "impossibleMFU"]}, "severity": {"type":
    "string", "enum": ["note", "warn"]}, "sentence": {"type": "string"}, "evidence": {"type": "array", "items": {"type": "string"}},
    "nextStep": {"type": "string"}, "gpuHours": {"type": "number"}, "gpuHoursAWeek": {"type": "number"}, "cost": {"type": "number",
    "nullable": true}, "costAWeek": {"type": "number", "nullable": true}}}}, "noFindingsReason": {"type": "string", "nullable": true},
    "cost": {"type": "object"}, "idle": {"type": "object", "nullable": true}}}, "Policy": {"type": "object", "description": "In the shape of a policy file: docs/policy.md",
    "properties": {"topology": {"type": "object"}, "projects": {"type": "array", "items": {"type": "object"}}, "priorities":
    {"type": "array", "items": {"type": "object"}}}}, "Domain": {"type": "object", "properties": {"level": {"type":
    "string"}, "name": {"type": "string"}, "path": {"type": "string", "description": "with the domains around it"}, "nodes": {
    "type": "integer"}, "free": {"type": "integer"}, "spare": {"type": "integer",
    "description": "free, and kept until as many of their place have failed"}, "busy": {"type": "integer"}, "held": {"type": "integer",
    "description": "kept for a gang for which others make room"}, "maintenance": {"type": "integer", "description":
    "nothing runs there, and they are in a maintenance"}, "outOfService": {"type": "integer", "description":
    "with the suspect and isolated ones; a node that is being drained may be busy, too"}, "suspect": {"type": "integer"},
    "isolated": {"type": "integer"}, "devices": {"type": "integer"}, "devicesInUse": {"type":
    "integer"}}}, "Map": {"type": "object", "description":
    "Nodes by domain, then by name. Runs are [value, count, value, count, ...].", "properties": {"sequence": {"type": "integer"}, "at": {"type":
    "string"}, "nodes": {"type": "integer"}, "levels": {"type": "array", "items": {"type": "object", "properties": {"level": {"type":
    "string"}, "domains": {"type": "array", "items": {"type": "string"}}, "nodes": {"type": "array", "items": {"type": "integer"},
    "description": "how many nodes each domain has"}}}}, "names": {"type": "array", "items": {"type": "array", "items": {}},
    "description": "[stem, first number or -1, digits or 0, count]"}, "standings": {"type": "array", "items": {}, "description":
    "runs; r in service, a away, s suspect, i isolated, d draining or drained, m maintenance, h held for a gang"}, "devices": {"type":
    "array", "items": {"type": "integer"}, "description": "runs"}, "placements": {"type": "array", "items": {"type": "integer"},
    "description": "runs: of how many placements each node has"}, "jobs": {"type": "array", "items": {"type": "integer"},
    "description": "runs: each placement's job"}, "masks": {"type": "array", "items": {}, "description":
    "runs: each placement's devices, a mask in hexadecimal"}}}, "Maintenance": {"type": "object", "properties": {"id": {"type":
    "integer"}, "state": {"type": "string", "enum": ["planned", "active", "over"]}, "from": {"type": "string"}, "to": {
    "type": "string"}, "nodes": {"type": "string", "nullable": true}, "within": {"type": "object", "nullable": true},
    "reason": {"type": "string"}}}, "DeviceStates": {"type": "object", "description":
    "by state: docs/devices.md; shares of the measured time, of a fleet devices", "additionalProperties": {"type": "number"}}, "Device": {"type":
    "object", "properties": {"device": {"type": "integer"}, "job": {"type": "integer", "nullable": true}, "state": {"type": "string",
    "nullable": true}, "measuredSeconds": {"type": "number"}, "states": {"$ref": "#/components/schemas/DeviceStates"}, "counters": {"type":
    "object", "description": "means, in the units of docs/telemetry.md"}, "mfu": {"type": "number", "nullable": true}}}, "Submitted": {"type": "object", "properties": {"id": {"type": "integer"},
    "arrayId": {"type": "integer"}, "tasks": {"type": "integer", "description": "of an array: their numbers follow the first one's, which is `id`"}},
    "required": ["id"]}, "JobFile": {"type": "object", "description":
    "As a job file: docs/job-file.md. `user` is `unknown` and `workingDirectory` `/` if not said; a relative one is refused here.", "required": [
    "command"]}, "Job": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"},
    "project": {"type": "string"}, "user": {"type": "string"}, "priority": {"type": "integer"}, "state": {"type":
    "string", "enum": ["pending", "starting", "running", "stopping", "completed", "failed", "cancelled",
    "timedOut"]}, "attempt": {"type": "integer"}, "nodes": {"type": "array", "items": {"type": "string"}},
    "nodeCount": {"type": "integer"}, "worldSize": {"type": "integer"}, "devices": {"type": "integer"}, "step": {"type": "integer", "nullable"
    : true}, "loss": {"type": "number", "nullable": true}, "checkpointStep": {"type": "integer", "nullable"
    : true}, "resumeStep": {"type": "integer"}, "submittedAt": {"type": "string"}, "startedAt": {"type": "string"
    , "nullable": true}, "endedAt": {"type": "string", "nullable": true}, "reason": {"type": "string"}, "exitCode"
    : {"type": "integer", "nullable": true}, "arrayId": {"type": "integer", "nullable": true}, "arrayIndex": {"type":
    "integer", "nullable": true}}, "required": ["id", "state"]}, "QueuedJob": {"allOf": [{"$ref": "#/components/schemas/Job"}, {"$ref": "#/components/schemas/Why"}, {"type": "object",
    "properties": {"devicesPerNode": {"type": "integer"}, "waitsSince": {"type": "string", "description":
    "its submission, or the end of its last attempt"}, "waitedSeconds": {"type": "number"}}}]}, "JobDetail": {"allOf": [{"$ref":
    "#/components/schemas/Job"}, {"type": "object", "properties": {"ranks": {"type": "array", "items": {"type":
    "object", "properties": {"role": {"type": "string"}, "rank": {"type": "integer"}, "roleRank": {"type": "integer"}, "node": {"type": "string"},
    "pid": {"type": "integer", "nullable": true}, "state": {"type": "string"}, "exitCode": {"type": "integer",
    "nullable": true}, "signal": {"type": "integer", "nullable": true}, "step": {"type": "integer", "nullable"
    : true}, "waitedForRanksSeconds": {"type": "number", "nullable": true, "description":
    "as the rank says with WAITED, in this attempt so far"}}}}, "spec": {"type": "object", "description":
    "The job in full: as a job file, but times in ...Seconds and sizes in ...Bytes, as numbers"}, "attempts": {"type": "array", "items": {"type": "object"}}, "idle": {"type": "object",
    "nullable": true, "description": "what the idle policy told its user", "properties": {"warnedAt": {"type": "string"}, "message":
    {"type": "string"}}}}}]}, "Why"
    : {"type": "object", "properties": {"id": {"type": "integer"}, "arrayId": {"type": "integer", "nullable": true},
    "arrayIndex": {"type": "integer", "nullable": true}, "state": {"type": "string"}, "causes": {"type"
    : "array", "items": {"type": "object", "properties": {"kind": {"type": "string"}, "message": {"type": "string"
    }}}}, "startEstimate": {"type": "string", "nullable": true}, "wouldStartNow": {"type": "array", "items": {
    "type": "object", "properties": {"kind": {"type": "string", "enum": ["jobsEnd", "segment", "within", "deviceType", "walltime", "nodes"]}, "value": {"type": "string"}, "jobs": {"type": "array", "items": {"type":
    "integer"}}, "at": {"type": "string"}, "message": {"type": "string"}}}}}}, "Report": {"type": "object", "properties": {"id": {"type": "integer"}, "wallSeconds": {
    "type": "number"}, "heldSeconds": {"type": "number"}, "productiveSeconds": {"type": "number"}, "goodput": {
    "type": "number", "nullable": true}, "attempts": {"type": "integer"}, "stepsLost": {"type": "integer"},
    "lostSeconds": {"type": "object", "description":
    "by what it went for: with productive they add up to held, without waiting, the time between attempts in which it held nothing: docs/accounts.md",
    "properties": {"starting": {"type": "number"}, "checkpointing": {"type": "number"}, "evaluating": {"type": "number"}, "inputStall":
    {"type": "number"}, "straggling": {"type": "number"}, "redone": {"type": "number"}, "detecting": {"type": "number"}, "hung": {"type":
    "number"}, "preempted": {"type": "number"}, "stopping": {"type": "number"}, "waiting": {"type": "number"}, "ending": {"type":
    "number"}, "unattributed": {"type": "number"}}}, "faults": {"type": "array", "items": {"type": "object", "properties": {"at"
    : {"type": "string"}, "component": {"type": "string"}, "node": {"type": "string", "nullable": true}, "rank": {
    "type": "integer", "nullable": true}, "cause": {"type": "string"}, "confidence": {"type": "string"},
    "evidence": {"type": "array", "items": {"type": "string"}}, "action": {"type": "string"},
    "detectedAfterSeconds": {"type": "number"}, "resumedAfterSeconds": {"type": "number", "nullable": true},
    "stepsLost": {"type": "integer"}}}}}}, "Node": {"type": "object", "properties": {"name": {"type": "string"},
    "state": {"type": "string", "enum": ["joining", "verifying", "ready", "suspect", "isolated", "draining",
    "drained"]}, "devices": {"type": "integer"}, "free": {"type": "integer"}, "reason": {"type": "string"},
    "since": {"type": "string"}, "jobs": {"type": "array", "items": {"type": "integer"}}, "address": {"type":
    "string"}, "deviceType": {"type": "string"}, "cpus": {"type": "integer"}, "memoryBytes": {"type": "integer"},
    "connected": {"type": "boolean"}, "pid": {"type": "integer", "nullable": true}, "labels": {"type": "object",
    "additionalProperties": {"type": "string"}}}, "required": ["name", "state"
    ]}}}}
    """#
}
