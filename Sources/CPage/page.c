#include "CPage.h"

// A new file needs two lines: its bytes, and its place in the list.
#define ASSET(symbol) static const unsigned char symbol[] =

ASSET(index_html) {
#embed "assets/index.html"
};
ASSET(login_html) {
#embed "assets/login.html"
};
ASSET(login_js) {
#embed "assets/login.js"
};
ASSET(style_css) {
#embed "assets/style.css"
};
ASSET(icon_svg) {
#embed "assets/icon.svg"
};
ASSET(app_js) {
#embed "assets/app.js"
};
ASSET(api_js) {
#embed "assets/api.js"
};
ASSET(dom_js) {
#embed "assets/dom.js"
};
ASSET(format_js) {
#embed "assets/format.js"
};
ASSET(fleet_js) {
#embed "assets/fleet.js"
};
ASSET(fleetlist_js) {
#embed "assets/fleetlist.js"
};
ASSET(fleethands_js) {
#embed "assets/fleethands.js"
};
ASSET(fleetmap_js) {
#embed "assets/fleetmap.js"
};
ASSET(fleetlayout_js) {
#embed "assets/fleetlayout.js"
};
ASSET(fleetmodel_js) {
#embed "assets/fleetmodel.js"
};
ASSET(queue_js) {
#embed "assets/queue.js"
};
ASSET(job_js) {
#embed "assets/job.js"
};
ASSET(logs_js) {
#embed "assets/logs.js"
};
ASSET(node_js) {
#embed "assets/node.js"
};
ASSET(projects_js) {
#embed "assets/projects.js"
};
ASSET(project_js) {
#embed "assets/project.js"
};
ASSET(capacity_js) {
#embed "assets/capacity.js"
};
ASSET(chart_js) {
#embed "assets/chart.js"
};
ASSET(accounts_js) {
#embed "assets/accounts.js"
};
ASSET(devices_js) {
#embed "assets/devices.js"
};
ASSET(waste_js) {
#embed "assets/waste.js"
};

#define ENTRY(name, symbol) {name, symbol, sizeof symbol}

static const cpage_asset_t assets[] = {
    ENTRY("index.html", index_html),       ENTRY("login.html", login_html),
    ENTRY("login.js", login_js),           ENTRY("style.css", style_css),
    ENTRY("icon.svg", icon_svg),           ENTRY("fleethands.js", fleethands_js),
    ENTRY("fleetlayout.js", fleetlayout_js),
    ENTRY("app.js", app_js),               ENTRY("api.js", api_js),
    ENTRY("dom.js", dom_js),               ENTRY("format.js", format_js),
    ENTRY("fleet.js", fleet_js),           ENTRY("fleetlist.js", fleetlist_js),
    ENTRY("fleetmap.js", fleetmap_js),     ENTRY("fleetmodel.js", fleetmodel_js),
    ENTRY("queue.js", queue_js),           ENTRY("job.js", job_js),
    ENTRY("logs.js", logs_js),             ENTRY("node.js", node_js),
    ENTRY("projects.js", projects_js),     ENTRY("capacity.js", capacity_js),
    ENTRY("chart.js", chart_js),           ENTRY("accounts.js", accounts_js),
    ENTRY("devices.js", devices_js),       ENTRY("waste.js", waste_js),
    ENTRY("project.js", project_js),
};

size_t cpage_count(void) { return sizeof assets / sizeof assets[0]; }

const cpage_asset_t *cpage_asset(size_t index) {
  return index < cpage_count() ? &assets[index] : NULL;
}
