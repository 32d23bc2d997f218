// Sends a recording to a listening socket with Deepgram's JavaScript SDK and prints what it hears.
// node listen.mjs v1|v2 URL KEY SAMPLES_FILE   (16-bit samples, 16 kHz)
import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [version, baseUrl, apiKey, file] = process.argv.slice(2);
const environment = {
  base: baseUrl,
  production: baseUrl.replace("http", "ws"),
  agent: baseUrl.replace("http", "ws"),
  agentRest: baseUrl,
};
const client = new DeepgramClient({ apiKey, environment });
const options = {
  model: version === "v1" ? "nova-3" : "flux-general-en",
  encoding: "linear16",
  sample_rate: 16000,
};
if (version === "v1") {
  options.interim_results = "true";
}

const heard = [];
const connection = await client.listen[version].connect(options);
connection.on("message", (message) => heard.push(message));
const closed = new Promise((resolve) => connection.on("close", resolve));
connection.connect();
await connection.waitForOpen();

const samples = readFileSync(file);
for (let at = 0; at < samples.length; at += 3200) {
  connection.sendMedia(samples.subarray(at, at + 3200));
}
connection.sendCloseStream({ type: "CloseStream" });
const { code } = await closed;
console.log(JSON.stringify({ heard, code }));
