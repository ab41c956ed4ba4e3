import Hummingbird
import MusterCore
import MusterProtocol

extension Server {
  typealias Context = ServerContext

  /// Every route there is. `openapi.json` describes the same; a test compares them.
  func routes() throws -> Router<Context> {
    let router = Router(context: Context.self)
    router.add(middleware: UnknownRoute())
    let people = try folder.peopleToken()
    let access = PageAccess(sessions: sessions, rule: OriginRule(hosts: pageHosts), hasTLS: tls != nil)
    router.add(
      middleware: Authentication(
        people: people, node: try folder.nodeToken(), scraper: try folder.metricsToken(), hasTLS: tls != nil,
        page: access))
    router.add(middleware: UnknownParameter())
    if options.pretence != nil { router.add(middleware: PretendTime(writer: api.writer)) }
    let api = self.api
    let link = LinkRoute(
      writer: api.writer, telemetry: telemetry, logger: logger, tls: tls, isPretended: options.pretence != nil)
    let joining = JoinRoutes(api: api, tls: tls)
    let events = EventRoute(events: api.events, folder: folder, api: api)
    let metrics = MetricsRoute(api: api, logger: logger)
    router.get("metrics") { request, _ in await metrics.respond(to: request) }
    let page = PageRoutes(
      assets: PageAssets(folder: options.pageFolder), access: access, peopleToken: Array(people.utf8))
    addPage(page, to: router)
    let v1 = router.group("v1")
    v1.post("link") { request, context in try await link.respond(to: request, context) }
    v1.post("join") { request, _ in try await joining.join(request) }
    v1.post("tokens") { request, _ in try await joining.createToken(request) }
    v1.get("version") { _, _ in Response(json: ["version": .string(musterVersion), "protocol": .int(linkVersion)]) }
    v1.get("openapi.json") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: OpenAPI.document)))
    }
    v1.get("cluster") { _, _ in try await api.cluster() }
    v1.post("jobs") { request, _ in try await api.submit(request) }
    v1.get("jobs") { request, _ in try await api.jobs(request) }
    v1.get("queue") { request, _ in try await api.queue(request) }
    v1.get("jobs/:id") { _, context in try await api.job(try await api.named(context)) }
    v1.post("jobs/:id/cancel") { _, context in try await api.cancel(try await api.named(context)) }
    v1.post("jobs/:id/hold") { _, context in try await api.hold(try await api.named(context)) }
    v1.post("jobs/:id/release") { _, context in try await api.release(try await api.named(context)) }
    v1.get("jobs/:id/why") { _, context in try await api.why(try await api.named(context)) }
    v1.get("jobs/:id/report") { _, context in try await api.report(try await api.named(context)) }
    v1.get("jobs/:id/devices") { request, context in try await api.jobDevices(try await api.named(context), request) }
    v1.get("jobs/:id/efficiency") { _, context in try await api.efficiency(of: try await api.named(context)) }
    v1.get("jobs/:id/logs") { request, context in try await api.logs(try await api.named(context), request) }
    v1.get("nodes") { request, _ in try await api.nodes(request) }
    v1.get("nodes/:name") { _, context in try await api.node(API.node(context)) }
    v1.get("nodes/:name/devices") { request, context in try await api.nodeDevices(API.node(context), request) }
    v1.post("nodes/:name/drain") { request, context in try await api.drain(API.node(context), request) }
    v1.post("nodes/:name/resume") { _, context in try await api.resume(API.node(context)) }
    v1.post("nodes/:name/fence") { request, context in try await api.fence(API.node(context), request) }
    v1.post("nodes/:name/revoke") { _, context in try await joining.revoke(API.node(context)) }
    v1.get("devices") { _, _ in try await api.devices() }
    v1.get("policy") { _, _ in try await api.policy() }
    v1.put("policy") { request, _ in try await api.apply(request) }
    v1.get("quota") { _, _ in try await api.quota() }
    v1.get("topology") { request, _ in try await api.topology(request) }
    v1.get("map") { request, _ in try await api.map(request) }
    v1.get("top") { request, _ in try await api.top(request) }
    v1.get("accounts") { request, _ in try await api.accounts(request) }
    v1.get("efficiency") { _, _ in api.efficiencySettings() }
    v1.get("waste") { request, _ in try await api.waste(request) }
    v1.get("goodput") { request, _ in try await api.goodput(request) }
    v1.get("maintenance") { _, _ in try await api.maintenance() }
    v1.post("maintenance") { request, _ in try await api.addMaintenance(request) }
    v1.delete("maintenance/:id") { _, context in try await api.removeMaintenance(context) }
    v1.get("events") { request, _ in try await events.respond(to: request) }
    v1.post("inject") { request, _ in try await api.inject(request) }
    return router
  }

  private func addPage(_ page: PageRoutes, to router: Router<Context>) {
    router.get("") { request, _ in try page.home(request) }
    router.get("page/:file") { request, context in
      try page.file(context.parameters.get("file") ?? "", request)
    }
    router.get("page/lib/:file") { request, context in
      try page.library(context.parameters.get("file") ?? "", request)
    }
    router.post("login") { request, _ in try await page.login(request) }
    router.post("logout") { request, _ in try page.logout(request) }
  }

  /// Names and addresses that a browser may know this server by.
  private var pageHosts: [String] { TLSSetup.names(options.host) + options.allowedHosts }
}

extension API {
  static func node(_ context: some RequestContext) -> String { context.parameters.get("name") ?? "" }

  func cluster() async throws -> Response {
    Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        state.controller.clusterView(startedAt: state.startedAt, now: state.now, speed: speed)
      })
  }
}

/// The version of this program.
public let musterVersion = "0.1.0"
