"""An agent that calls tools: each call of its model is paid by the account it works for."""

import json
import os

from openai import OpenAI

from aerostack_billing_client import InsufficientBalance, ServiceClient
from aerostack_billing_client.wrap.model_clients import billed

billing = ServiceClient(os.environ["BILLING_URL"], os.environ["SERVICE_TOKEN"])
model = billed(
    OpenAI(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"]),
    billing,
    account=os.environ["ACCOUNT"],
    labels={"agent": "weatherman"},
)


def weather(city: str) -> str:
    """The agent's only tool."""
    return f"It is sunny in {city}."


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]

messages: list = [{"role": "user", "content": "How is the weather in Oslo?"}]
for turn in range(1, 11):
    try:
        answer = model.chat.completions.create(
            model="gpt-4o-mini", messages=messages, tools=TOOLS, max_completion_tokens=500
        )
    except InsufficientBalance as short:
        print(f"turn {turn}: stopped, {short.missing_cents:.4f} cents are missing")
        break
    message = answer.choices[0].message
    messages.append(message)
    if not message.tool_calls:
        print(f"turn {turn}: {message.content}")
        break
    for call in message.tool_calls:
        print(f"turn {turn}: calls {call.function.name}({call.function.arguments})")
        result = weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
