// Holds a conversation with Deepgram's JavaScript SDK and prints what it hears.
// node agent.mjs URL KEY SETTINGS_FILE SAMPLES_FILE   (16-bit samples, 16 kHz)
import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [baseUrl, apiKey, settingsFile, samplesFile] = process.argv.slice(2);
const environment = {
  base: baseUrl,
  production: baseUrl.replace("http", "ws"),
  agent: baseUrl.replace("http", "ws"),
  agentRest: baseUrl,
};
const client = new DeepgramClient({ apiKey, environment });
const settings = JSON.parse(readFileSync(settingsFile, "utf8"));
const samples = readFileSync(samplesFile);

const kinds = [];
let bytes = 0;
const connection = await client.agent.v1.connect({});
connection.on("message", (message) => {
  if (message instanceof Blob) {
    bytes += message.size;
    return;
  }
  kinds.push(message.type);
  if (message.type === "Welcome") {
    connection.sendSettings({ type: "Settings", ...settings });
  } else if (message.type === "SettingsApplied") {
    for (let at = 0; at < samples.length; at += 3200) {
      connection.sendMedia(samples.subarray(at, at + 3200));
    }
  } else if (message.type === "FunctionCallRequest") {
    const [{ id, name }] = message.functions;
    connection.sendFunctionCallResponse({ type: "FunctionCallResponse", id, name, content: "sunny" });
  } else if (message.type === "AgentAudioDone") {
    connection.close();
  }
});
const closed = new Promise((resolve) => connection.on("close", resolve));
connection.connect();
await closed;
console.log(JSON.stringify({ kinds, bytes }));
process.exit(0);
