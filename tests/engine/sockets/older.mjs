// Uses the engine with Deepgram's JavaScript SDK 4 and prints what it received.
// node older.mjs URL KEY WAV_FILE SAMPLES_FILE   (16-bit samples, 16 kHz)
import { readFileSync } from "node:fs";
import { createClient, LiveTranscriptionEvents, LiveTTSEvents } from "deepgram-sdk-4";

const [url, key, wavFile, samplesFile] = process.argv.slice(2);
const client = createClient(key, { global: { url } });

function unwrap({ result, error }) {
  if (error) throw error;
  return result;
}

async function rest() {
  const listened = unwrap(
    await client.listen.prerecorded.transcribeFile(readFileSync(wavFile), {
      model: "nova-3",
      smart_format: true,
    }),
  );
  const speech = await client.speak.request({ text: "Good morning." }, { model: "aura-2-arcas-en" });
  const read = unwrap(
    await client.read.analyzeText({ text: "I love it." }, { sentiment: true, language: "en" }),
  );
  const { projects } = unwrap(await client.manage.getProjects());
  const keys = unwrap(await client.manage.getProjectKeys(projects[0].project_id));
  const stream = await speech.getStream();
  let spokenBytes = 0;
  for await (const chunk of stream) spokenBytes += chunk.length;
  return {
    transcript: listened.results.channels[0].alternatives[0].transcript,
    spoken_bytes: spokenBytes,
    sentiment: read.results.sentiments.average.sentiment,
    keys: keys.api_keys.length,
  };
}

function listen() {
  return new Promise((resolve, reject) => {
    const socket = client.listen.live({
      model: "nova-3",
      encoding: "linear16",
      sample_rate: 16000,
      interim_results: true,
    });
    const finals = [];
    const kinds = [];
    socket.on(LiveTranscriptionEvents.Open, () => {
      socket.send(JSON.stringify({ type: "SomethingNewer" }));
      const samples = readFileSync(samplesFile);
      for (let at = 0; at < samples.length; at += 3200) {
        socket.send(samples.subarray(at, at + 3200));
      }
      socket.finalize();
      socket.requestClose();
    });
    socket.on(LiveTranscriptionEvents.Transcript, (result) => {
      kinds.push("Results");
      if (result.is_final) finals.push(result.channel.alternatives[0].transcript);
    });
    socket.on(LiveTranscriptionEvents.Metadata, () => kinds.push("Metadata"));
    socket.on(LiveTranscriptionEvents.Error, reject);
    socket.on(LiveTranscriptionEvents.Close, ({ code }) =>
      resolve({ kinds, code, transcript: finals.join(" ") }),
    );
  });
}

function speak() {
  return new Promise((resolve, reject) => {
    const socket = client.speak.live({
      model: "aura-2-arcas-en",
      encoding: "linear16",
      sample_rate: 24000,
    });
    let bytes = 0;
    socket.on(LiveTTSEvents.Open, () => {
      socket.sendText("Good morning.");
      socket.flush();
    });
    socket.on(LiveTTSEvents.Audio, (data) => (bytes += data.length));
    socket.on(LiveTTSEvents.Flushed, () => socket.requestClose());
    socket.on(LiveTTSEvents.Error, reject);
    socket.on(LiveTTSEvents.Close, ({ code }) => resolve({ bytes, code }));
  });
}

console.log(JSON.stringify({ rest: await rest(), listen: await listen(), speak: await speak() }));
