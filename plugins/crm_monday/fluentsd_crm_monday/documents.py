"""Every GraphQL document that the plugin sends, and the form of its answer; a test validates each against monday's
schema."""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.api import COUNT, ID, TEXT, TEXT_OR_NULL, Maybe, Shape

_COLUMN_VALUES = """column_values(ids: $columns) {
      id type text value
      ... on CheckboxValue { checked }
      ... on MirrorValue { display_value }
      ... on BoardRelationValue { display_value }
      ... on FormulaValue { display_value }
    }"""
_ITEM = f"""id name state updated_at url
    group {{ id }}
    {_COLUMN_VALUES}"""

BOARDS = """query Boards($ids: [ID!], $limit: Int!, $page: Int!) {
  boards(ids: $ids, limit: $limit, page: $page, state: active) {
    id name type items_count
    groups { id title }
    columns { id title type settings_str archived }
  }
}"""

FIRST_PAGE = f"""query FirstPage($board: [ID!], $limit: Int!, $rules: ItemsQuery, $columns: [String!]) {{
  boards(ids: $board, state: active) {{
    items_count
    items_page(limit: $limit, query_params: $rules) {{
      cursor
      items {{ {_ITEM} }}
    }}
  }}
}}"""

NEXT_PAGE = f"""query NextPage($cursor: String!, $limit: Int!, $columns: [String!]) {{
  next_items_page(cursor: $cursor, limit: $limit) {{
    cursor
    items {{ {_ITEM} }}
  }}
}}"""

ITEMS = f"""query Items($ids: [ID!], $limit: Int!, $columns: [String!]) {{
  items(ids: $ids, limit: $limit, exclude_nonactive: true) {{
    board {{ id }}
    {_ITEM}
  }}
}}"""

UPDATES = """query Updates($ids: [ID!]) {
  items(ids: $ids) { updates(limit: 50) { id body } }
}"""

CREATE_UPDATE = """mutation CreateUpdate($item: ID!, $body: String!) {
  create_update(item_id: $item, body: $body) { id }
}"""

CHANGE_COLUMNS = """mutation ChangeColumns($board: ID!, $item: ID!, $values: JSON!) {
  change_multiple_column_values(
    board_id: $board, item_id: $item, column_values: $values, create_labels_if_missing: false
  ) { id }
}"""

ME = "query Me { me { id name } account { id name slug } }"

ALL = {
    "Boards": BOARDS, "FirstPage": FIRST_PAGE, "NextPage": NEXT_PAGE, "Items": ITEMS, "Updates": UPDATES,
    "CreateUpdate": CREATE_UPDATE, "ChangeColumns": CHANGE_COLUMNS, "Me": ME,
}  # fmt: skip

_AN_ITEM: Mapping[str, Shape] = {
    "id": ID, "state": Maybe(TEXT), "updated_at": Maybe(TEXT), "group": Maybe({"id": ID}),
    "column_values": Maybe([{"id": ID}]),
}  # fmt: skip
_A_PAGE: Shape = {"cursor": TEXT_OR_NULL, "items": [_AN_ITEM]}
#: The documented form of each answer's data.
SHAPES: Mapping[str, Shape] = {
    "Boards": {"boards": [Maybe({
        "id": ID, "name": TEXT, "type": Maybe(TEXT), "groups": Maybe([{"id": ID, "title": TEXT}]),
        "columns": Maybe([{"id": ID, "title": TEXT, "type": TEXT}]),
    })]},
    "FirstPage": {"boards": [Maybe({"items_count": Maybe(COUNT), "items_page": _A_PAGE})]},
    "NextPage": {"next_items_page": _A_PAGE},
    "Items": {"items": [{**_AN_ITEM, "board": {"id": ID}}]},
    "Updates": {"items": [{"updates": Maybe([{"id": ID, "body": Maybe(TEXT)}])}]},
    "CreateUpdate": {"create_update": {"id": ID}},
    "ChangeColumns": {"change_multiple_column_values": {"id": ID}},
    "Me": {"account": Maybe({"name": Maybe(TEXT)})},
}  # fmt: skip
