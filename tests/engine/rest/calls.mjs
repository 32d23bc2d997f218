// Makes the main REST calls with Deepgram's JavaScript SDK and prints their responses.
// node calls.mjs URL KEY RECORDING_FILE RECORDING_URL
import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [baseUrl, apiKey, file, url] = process.argv.slice(2);
const client = new DeepgramClient({ apiKey, baseUrl });
const { listen, speak, read, manage, auth } = client;
const options = { model: "nova-3", smart_format: true, tag: ["javascript"] };

const told = {};
told.file = await listen.v1.media.transcribeFile(readFileSync(file), options);
told.url = await listen.v1.media.transcribeUrl({ url, model: "nova-3" });
const speech = await speak.v1.audio.generate({ text: "Good morning.", model: "aura-arcas-en" });
told.spoken = (await speech.arrayBuffer()).byteLength;
told.read = await read.v1.text.analyze({
  body: { text: "I love it. Please call me back." },
  summarize: "v2",
  sentiment: true,
  language: "en",
});
told.models = await manage.v1.models.list();
told.projects = await manage.v1.projects.list();
const project = told.projects.projects[0].project_id;
const made = await manage.v1.projects.keys.create(project, {
  comment: "javascript",
  scopes: ["member"],
  time_to_live_in_seconds: 600,
});
told.key = await manage.v1.projects.keys.get(project, made.api_key_id);
told.keys = await manage.v1.projects.keys.list(project, { status: "active" });
const granted = await auth.v1.tokens.grant({ ttl_seconds: 60 });
const brief = new DeepgramClient({ accessToken: granted.access_token, baseUrl });
told.brief = await brief.read.v1.text.analyze({
  body: { text: "A fine day." },
  sentiment: true,
  language: "en",
});
await manage.v1.projects.keys.delete(project, made.api_key_id);
told.usage = await manage.v1.projects.usage.breakdown.get(project, { grouping: "tags" });
try {
  await new DeepgramClient({ apiKey: made.key, baseUrl }).manage.v1.projects.list();
} catch (error) {
  told.rejected = { status: error.statusCode, body: error.body };
}
console.log(JSON.stringify(told));
