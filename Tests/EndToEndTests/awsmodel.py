"""Holds answers against botocore's service models."""


def problems(shape, value, path=""):
    """Where a raw answer differs from the model."""
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            return [f"{path} is not an object"]
        found = [f"{path}.{name} is missing" for name in shape.required_members if name not in value]
        for name, member in value.items():
            if name not in shape.members:
                found.append(f"{path}.{name} is not in the model")
            else:
                found += problems(shape.members[name], member, f"{path}.{name}")
        return found
    if shape.type_name == "list":
        if not isinstance(value, list):
            return [f"{path} is not an array"]
        return [p for index, element in enumerate(value) for p in problems(shape.member, element, f"{path}[{index}]")]
    if shape.type_name == "map":
        if not isinstance(value, dict):
            return [f"{path} is not an object"]
        return [p for key, element in value.items() for p in problems(shape.value, element, f"{path}.{key}")]
    kinds = {"blob": str, "string": str, "boolean": bool, "double": (int, float), "integer": int, "long": int,
             "timestamp": (int, float)}
    if not isinstance(value, kinds[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{path} is {type(value).__name__}, not {shape.type_name}"]
    allowed = getattr(shape, "enum", None)
    return [f"{path} is {value}, not one of {allowed}"] if allowed and value not in allowed else []
