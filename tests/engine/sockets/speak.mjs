// Has a sentence spoken by a speaking socket with Deepgram's JavaScript SDK and prints what came.
// node speak.mjs v1|v2 URL KEY
import { DeepgramClient } from "@deepgram/sdk";

const [version, baseUrl, apiKey] = process.argv.slice(2);
const environment = {
  base: baseUrl,
  production: baseUrl.replace("http", "ws"),
  agent: baseUrl.replace("http", "ws"),
  agentRest: baseUrl,
};
const client = new DeepgramClient({ apiKey, environment });
const connection = await client.speak[version].connect({
  model: version === "v1" ? "aura-2-arcas-en" : "flux-jack-en",
  encoding: "linear16",
  sample_rate: 24000,
});

const kinds = [];
let bytes = 0;
connection.on("message", (message) => {
  if (message.type && !(message instanceof Blob)) {
    kinds.push(message.type);
  } else {
    bytes += message.size ?? message.byteLength;
  }
});
const closed = new Promise((resolve) => connection.on("close", resolve));
connection.connect();
await connection.waitForOpen();

const text = "The quick brown fox jumps over the lazy dog.";
if (version === "v1") {
  connection.sendText({ type: "Speak", text });
} else {
  connection.sendSpeak({ type: "Speak", text });
}
connection.sendFlush({ type: "Flush" });
connection.sendClose({ type: "Close" });
const { code } = await closed;
console.log(JSON.stringify({ kinds, bytes, code }));
