/*
 * The real host as host.mjs is one: a server with a data folder of its own, to which the module is
 * deployed and whose functions are called by its owner. What a run left behind is read from its
 * answer and its log line.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "../support/cordon.mjs";
import { GuestFailure } from "./host.mjs";

export class RealDeployment {
  static async open(file) {
    const deployment = new RealDeployment();
    deployment.server = await Server.start();
    deployment.calls = 0;
    deployment.identity = "";
    deployment.lines = new Map();
    deployment.read = 0;
    await deployment.server.deploy(file);
    return deployment;
  }

  async close() {
    await this.server.stop();
  }

  async setEnv(env) {
    const { status } = await this.server.post(
      "/api/update_environment_variables",
      { changes: Object.entries(env).map(([name, value]) => ({ name, value })) },
      { Authorization: `Convex ${await this.server.key()}` });
    if (status !== 200) throw new Error(`${status}`);
  }

  /* Who calls from now on, as an admin may say; null: nobody. */
  setIdentity(attributes) {
    this.identity = attributes === null ? "" : `:${Buffer.from(JSON.stringify(attributes)).toString("base64")}`;
  }

  /* The value, or a GuestFailure. What the run left behind is in `lastRun`. */
  async call(path, args = {}, { isPublic = false } = {}) {
    const id = `call-${this.calls++}`;
    const { status, body } = await this.server.post(
      isPublic ? "/api/run/" + path.replace(":", "/") : "/api/function",
      { path, args, format: "convex_encoded_json" },
      {
        "Convex-Request-Id": id,
        ...(isPublic ? {} : { Authorization: `Convex ${await this.server.key()}${this.identity}` }),
      });
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    const line = await this.line(`${id} ${path}`);
    this.lastRun = { logLines: body.logLines ?? [], memoryBytes: line.memory_bytes };
    if (body.status === "success") return body.value;
    throw new GuestFailure(line.code, line.error_message, body.errorData);
  }

  /* One after the other would wait for the disk each time. */
  async callAll(path, all) {
    const rest = [...all];
    const callSome = async () => {
      while (rest.length > 0) await this.call(path, rest.pop());
    };
    await Promise.all(Array.from({ length: 16 }, callSome));
  }

  /* The log line of a run, by its request and its function: those that it calls have the request, too. */
  async line(id) {
    while (!this.lines.has(id)) {
      const end = this.server.log.lastIndexOf("\n") + 1;
      for (const text of this.server.log.slice(this.read, end).split("\n")) {
        const line = text === "" ? {} : JSON.parse(text);
        if (line.request_id !== undefined) this.lines.set(`${line.request_id} ${line.path}`, line);
      }
      this.read = Math.max(this.read, end);
      if (!this.lines.has(id)) await sleep(5);
    }
    return this.lines.get(id);
  }
}
