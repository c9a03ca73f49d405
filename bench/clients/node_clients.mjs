// Real clients of node against a running LMX, each unchanged: chat, stream, tools, structured output. `run.py` starts it.
// Usage: node node_clients.mjs URL MODEL
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { z } from "zod";

const [url, model] = process.argv.slice(2);
const v1 = `${url}/v1`;
const prompt = "What is 2+2?";
const messages = [{ role: "user", content: prompt }];
const counts = { passed: 0, FAILED: 0 };

async function check(name, work) {
  let said = "passed";
  try {
    if (!(await work())) said = "FAILED: empty";
  } catch (error) {
    said = `FAILED: ${String(error.message || error).slice(0, 300)}`;
  }
  counts[said.slice(0, 6)] += 1;
  console.log(`${name}: ${said}`);
}

async function joined(stream, text) {
  let found = "";
  for await (const part of stream) found += text(part) ?? "";
  return found;
}

const schema = z.object({ age: z.number().int().min(0).max(99) });
const look = tool({
  description: "Look at a place.",
  inputSchema: z.object({ place: z.string().max(6) }),
  execute: async () => "quiet",
});
const account = { baseURL: v1, apiKey: "none" };
const kinds = {
  compatible: createOpenAICompatible({ name: "lmx", supportsStructuredOutputs: true, includeUsage: true, ...account })(model),
  responses: createOpenAI(account)(model),
  chat: createOpenAI(account).chat(model),
  anthropic: createAnthropic(account)(model),
};
const common = { prompt, maxRetries: 0, maxOutputTokens: 300 };
for (const [kind, made] of Object.entries(kinds)) {
  const asked = { model: made, ...common };
  const fail = ({ error }) => {
    throw error;
  };
  await check(`ai-sdk ${kind} chat`, async () => (await generateText(asked)).text);
  await check(`ai-sdk ${kind} stream`, () => joined(streamText({ ...asked, onError: fail }).textStream, (text) => text));
  await check(`ai-sdk ${kind} tools`, async () => await generateText({ ...asked, tools: { look }, stopWhen: stepCountIs(2) }));
  await check(
    `ai-sdk ${kind} forced tool`,
    async () => (await generateText({ ...asked, temperature: 1, tools: { look }, toolChoice: "required" })).toolCalls.length,
  );
  await check(`ai-sdk ${kind} structured`, async () => (await generateObject({ ...asked, temperature: 1, schema })).object);
}

const openai = new OpenAI({ ...account, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
const ollama = new Ollama({ host: url });
await check("openai chat", async () => (await openai.chat.completions.create({ model, messages })).choices[0].message.content);
await check("openai stream", async () =>
  joined(await openai.chat.completions.create({ model, messages, stream: true }), (part) => part.choices[0]?.delta?.content),
);
await check("openai responses", async () => (await openai.responses.stream({ model, input: prompt }).finalResponse()).output_text);
await check(
  "anthropic stream",
  async () => (await anthropic.messages.stream({ model, max_tokens: 50, messages }).finalMessage()).content.length,
);
await check("ollama chat", async () => (await ollama.chat({ model, messages })).message.content);
await check("ollama stream", async () => joined(await ollama.chat({ model, messages, stream: true }), (part) => part.message.content));
await check("ollama generate", async () => (await ollama.generate({ model, prompt })).response);
await check("ollama embed", async () => (await ollama.embed({ model, input: ["a"] })).embeddings.length);
await check("ollama list, show, ps", async () => (await ollama.list()).models && (await ollama.show({ model })) && (await ollama.ps()));
console.log(JSON.stringify(counts));
process.exit(counts.FAILED ? 1 : 0);
