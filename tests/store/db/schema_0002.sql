-- A database as release schema 2 made it: a campaign under way, suppression entries, an erased person. Invented data.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE attempt (
	id VARCHAR(32) NOT NULL, 
	enrollment_id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	contact_id INTEGER NOT NULL, 
	step VARCHAR(63) NOT NULL, 
	try_no INTEGER NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	point_id INTEGER, 
	number_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	outcome VARCHAR(12), 
	reason TEXT DEFAULT '' NOT NULL, 
	provider_ref TEXT, 
	marked_at BIGINT NOT NULL, 
	accepted_at BIGINT, 
	settled_at BIGINT, 
	deadline_at BIGINT, 
	duration_s INTEGER, 
	cost_micros BIGINT DEFAULT '0' NOT NULL, 
	currency VARCHAR(3) DEFAULT 'USD' NOT NULL, 
	counted VARCHAR(16), 
	dismissed_at BIGINT, 
	CONSTRAINT pk_attempt PRIMARY KEY (id), 
	CONSTRAINT uq_attempt_enrollment_id UNIQUE (enrollment_id, step, try_no)
)
 WITHOUT ROWID

;
INSERT INTO "attempt" VALUES('01a21fc54a206d37a134d044ded0673e',7,1,7,'text',1,'sms',15,NULL,'settled','delivered','','sms-01a21fc54a206d37a134d044ded0673e',1795829352992224,1795829353057697,1795829353057697,NULL,NULL,0,'USD','reached',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a2073245daa55dc1e6f6136',3,1,3,'text',1,'sms',11,NULL,'settled','sent','','sms-01a21fc54a2073245daa55dc1e6f6136',1795829352992224,1795829353057290,1795829353057290,NULL,NULL,0,'USD','made',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a2083a8b0e66bcf2094cba1',5,1,5,'text',1,'sms',13,NULL,'settled','sent','','sms-01a21fc54a2083a8b0e66bcf2094cba1',1795829352992224,1795829353057509,1795829353057509,NULL,NULL,0,'USD','made',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a208954ad967bef66127f9b',4,1,4,'text',1,'sms',12,NULL,'settled','sent','','sms-01a21fc54a208954ad967bef66127f9b',1795829352992224,1795829353057398,1795829353057398,NULL,NULL,0,'USD','made',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a20c23ea356111b0081f06f',6,1,6,'text',1,'sms',14,NULL,'settled','delivered','','sms-01a21fc54a20c23ea356111b0081f06f',1795829352992224,1795829353057605,1795829353057605,NULL,NULL,0,'USD','reached',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a20d14bc2a7a7feca0ce200',2,1,2,'text',1,'sms',10,NULL,'settled','sent','','sms-01a21fc54a20d14bc2a7a7feca0ce200',1795829352992224,1795829353057161,1795829353057161,NULL,NULL,0,'USD','made',NULL);
INSERT INTO "attempt" VALUES('01a21fc54a20d7ba3b54c5586f47b08b',1,1,1,'text',1,'sms',9,NULL,'settled','sent','','sms-01a21fc54a20d7ba3b54c5586f47b08b',1795829352992224,1795829353056951,1795829353056951,NULL,NULL,0,'USD','made',NULL);
CREATE TABLE attestation (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	basis VARCHAR(16) NOT NULL, 
	given_on VARCHAR(10) NOT NULL, 
	scope TEXT NOT NULL, 
	scrubbed_on VARCHAR(10), 
	proof TEXT DEFAULT '' NOT NULL, 
	"by" TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_attestation PRIMARY KEY (id), 
	CONSTRAINT fk_attestation_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	verb VARCHAR(40) NOT NULL, 
	target TEXT DEFAULT '' NOT NULL, 
	request_id VARCHAR(64), 
	details JSON, 
	answer JSON, 
	CONSTRAINT pk_audit PRIMARY KEY (id), 
	CONSTRAINT uq_audit_request_id UNIQUE (request_id)
);
INSERT INTO "audit" VALUES(1,1795829339207642,'operator','apply','old-one','712b3876a56e40248c02c5500b4f7700','null','{"ref": "old-one", "created": true, "changes": [], "state": "draft", "dry_run": false}');
INSERT INTO "audit" VALUES(2,1795829341422597,'operator','import','old-one','65a7a8a38b644f9cb137e1fa2e20a076','null','{"source": "p.csv", "ref": "old-one", "at": 1795829341422597, "needs_phone": true, "at_once": 7500, "source_id": 1, "campaign_id": 1}');
INSERT INTO "audit" VALUES(3,1795829341471816,'operator','imported','old-one',NULL,'{"rows": 8, "new": 8, "updated": 0, "duplicates": 0, "enrolled": 8, "rejected": 0, "left": 0}','null');
INSERT INTO "audit" VALUES(4,1795829345634454,'operator','numbers add','+12125550123','58265a1d719b4173a48a2cc55760e4fd','null','{"number": "+12125550123", "tags": ["a"]}');
INSERT INTO "audit" VALUES(5,1795829347886396,'operator','stop-list add','phone','067f53a2b3dd491e9bc85fe3fa6f685c','{"because": "(erased)"}','{"point": "(erased)", "channel": "*", "campaigns": [1]}');
INSERT INTO "audit" VALUES(6,1795829352872251,'operator','start','old-one','098dc6676b594186ba442d3545547fa0','{"from": "draft", "to": "active"}','{"id": 1, "ref": "old-one", "name": "Old one", "state": "active", "revision": 2, "owner": "operator", "created_at": 1795829339207642, "starts_at": null, "started_at": 1795829352872251, "ended_at": null, "steps_in_flow": [{"id": "text", "channel": "sms", "after": "0"}, {"id": "mail", "channel": "sms", "after": "1 hour"}], "total": 8, "queued": 7, "active": 0, "completed": 0, "exited": 1, "errored": 0}');
INSERT INTO "audit" VALUES(7,1795829381721872,'operator','stop-list add','phone','121a201279ab468d8e7b7c2f5d0980b8','{"because": "no texts"}','{"point": "+971501234503", "channel": "sms", "campaigns": []}');
INSERT INTO "audit" VALUES(8,1795829397475005,'operator','erase','','9a2a1a542934443588f4d26488424377','{"contact": 8, "points": 2, "records": 1, "texts": 0, "stopped": 1, "at_providers": 0, "because": "a request of the person"}','{"erased": true, "points": 2, "records": 1, "texts": 0, "stopped": 1, "at_providers": 0, "campaigns": []}');
CREATE TABLE campaign (
	id INTEGER NOT NULL, 
	ref VARCHAR(63) NOT NULL, 
	name TEXT NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	revision INTEGER DEFAULT '1' NOT NULL, 
	owner TEXT NOT NULL, 
	spec JSON NOT NULL, 
	version_id INTEGER, 
	priority INTEGER DEFAULT '50' NOT NULL, 
	"exclusive" BOOLEAN DEFAULT false NOT NULL, 
	retime_from INTEGER, 
	shift_after BIGINT DEFAULT '0' NOT NULL, 
	starts_at BIGINT, 
	paused_at BIGINT, 
	started_at BIGINT, 
	ended_at BIGINT, 
	archived_at BIGINT, 
	created_at BIGINT NOT NULL, 
	resumed_at BIGINT, 
	CONSTRAINT pk_campaign PRIMARY KEY (id), 
	CONSTRAINT uq_campaign_ref UNIQUE (ref)
);
INSERT INTO "campaign" VALUES(1,'old-one','Old one','active',2,'operator','{"name": "Old one", "ref": null, "description": "", "window": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00", "timezone": "Asia/Dubai", "fallback_timezone": "Asia/Dubai", "unknown_timezone": "fallback", "conflicting_timezone": "all", "blackout": [], "override": []}, "numbers": {"numbers": [], "tags": [], "local_presence": true, "pace": null}, "step": [{"id": "text", "channel": "sms", "after": "0", "before": null, "of": null, "timing": "earliest", "hours": null, "days": null, "when": null, "agent": "", "template": null, "subject": "", "sender": "", "reply_to": "", "text": "Hi {{ first_name }}", "html": "", "retry": null}, {"id": "mail", "channel": "sms", "after": "1 hour", "before": null, "of": null, "timing": "earliest", "hours": null, "days": null, "when": null, "agent": "", "template": null, "subject": "", "sender": "", "reply_to": "", "text": "Again", "html": "", "retry": null}], "exit": {"on": ["opted_out", "replied"], "unreachable_after": 3, "goal": null, "reenter": "never"}, "limits": {"per_contact": null, "gap": null, "pace": null, "concurrency": null, "budget": null, "cost": {}, "on_resume": "drip"}, "law": {"purpose": "informational", "waive": []}, "priority": 50, "exclusive": false}',1,50,0,3,0,NULL,NULL,1795829352872251,NULL,NULL,1795829339207642,1795829352872251);
CREATE TABLE contact (
	id INTEGER NOT NULL, 
	zones TEXT DEFAULT '' NOT NULL, 
	zone_basis VARCHAR(32) DEFAULT 'none' NOT NULL, 
	"conflict" BOOLEAN DEFAULT false NOT NULL, 
	states TEXT DEFAULT '' NOT NULL, 
	consent TEXT DEFAULT '' NOT NULL, 
	scrubbed_at BIGINT, 
	language VARCHAR(16) DEFAULT '' NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	erased_at BIGINT, 
	away_until_at BIGINT, 
	CONSTRAINT pk_contact PRIMARY KEY (id)
);
INSERT INTO "contact" VALUES(1,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(2,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(3,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(4,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(5,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(6,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(7,'Asia/Dubai','number',0,'','',NULL,'',1795829341422597,1795829341422597,NULL,NULL);
INSERT INTO "contact" VALUES(8,'','none',0,'','',NULL,'',1795829341422597,1795829397475005,1795829397475005,NULL);
CREATE TABLE content (
	id INTEGER NOT NULL, 
	contact_id INTEGER NOT NULL, 
	attempt_id VARCHAR(32), 
	kind VARCHAR(12) NOT NULL, 
	text TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	handled_at BIGINT, 
	handled_by TEXT, 
	provider_ref TEXT, 
	CONSTRAINT pk_content PRIMARY KEY (id)
);
INSERT INTO "content" VALUES(1,1,'01a21fc54a20d7ba3b54c5586f47b08b','body','Hi P0',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(2,2,'01a21fc54a20d14bc2a7a7feca0ce200','body','Hi P1',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(3,3,'01a21fc54a2073245daa55dc1e6f6136','body','Hi P2',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(4,4,'01a21fc54a208954ad967bef66127f9b','body','Hi P3',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(5,5,'01a21fc54a2083a8b0e66bcf2094cba1','body','Hi P4',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(6,6,'01a21fc54a20c23ea356111b0081f06f','body','Hi P5',1795829352992224,NULL,NULL,NULL);
INSERT INTO "content" VALUES(7,7,'01a21fc54a206d37a134d044ded0673e','body','Hi P6',1795829352992224,NULL,NULL,NULL);
CREATE TABLE counter (
	campaign_id INTEGER NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	node VARCHAR(32) NOT NULL, 
	count BIGINT NOT NULL, 
	CONSTRAINT pk_counter PRIMARY KEY (campaign_id, state, node)
)
 WITHOUT ROWID

;
INSERT INTO "counter" VALUES(1,'active','',0);
INSERT INTO "counter" VALUES(1,'exited','',1);
INSERT INTO "counter" VALUES(1,'queued','',7);
CREATE TABLE enrollment (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	contact_id INTEGER NOT NULL, 
	entry INTEGER DEFAULT '1' NOT NULL, 
	version_id INTEGER NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	held BOOLEAN DEFAULT false NOT NULL, 
	step VARCHAR(63) NOT NULL, 
	try_no INTEGER DEFAULT '1' NOT NULL, 
	retries INTEGER DEFAULT '0' NOT NULL, 
	unreached INTEGER DEFAULT '0' NOT NULL, 
	outcomes TEXT DEFAULT '{}' NOT NULL, 
	last_outcome VARCHAR(12) DEFAULT '' NOT NULL, 
	sender_id INTEGER, 
	rank INTEGER DEFAULT '1' NOT NULL, 
	due_at BIGINT, 
	wanted_at BIGINT, 
	enrolled_at BIGINT NOT NULL, 
	touched_at BIGINT, 
	ended_at BIGINT, 
	CONSTRAINT pk_enrollment PRIMARY KEY (id), 
	CONSTRAINT uq_enrollment_campaign_id UNIQUE (campaign_id, contact_id, entry), 
	CONSTRAINT fk_enrollment_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id), 
	CONSTRAINT fk_enrollment_contact_id FOREIGN KEY(contact_id) REFERENCES contact (id)
);
INSERT INTO "enrollment" VALUES(1,1,1,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953056951,1795832953056951,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(2,1,2,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057161,1795832953057161,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(3,1,3,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057290,1795832953057290,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(4,1,4,1,1,'queued','stopped_channel',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057398,1795832953057398,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(5,1,5,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057509,1795832953057509,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(6,1,6,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057605,1795832953057605,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(7,1,7,1,1,'queued','',0,'mail',1,0,0,'{"text":"sent"}','sent',NULL,1,1795832953057697,1795832953057697,1795829341437290,1795829352992224,NULL);
INSERT INTO "enrollment" VALUES(8,1,8,1,1,'exited','opted_out',0,'text',1,0,0,'{}','',NULL,1,NULL,1795829341437290,1795829341437290,NULL,1795829347886396);
CREATE TABLE forgotten (
	hash VARCHAR(40) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	stopped TEXT DEFAULT '' NOT NULL, 
	campaigns TEXT DEFAULT '[]' NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_forgotten PRIMARY KEY (hash)
)
 WITHOUT ROWID

;
INSERT INTO "forgotten" VALUES('558cad5ca20e87a4c6fa87ab6cb4c20d69a44d4f','email','','["old-one"]',1795829397475005);
INSERT INTO "forgotten" VALUES('ef3b12312a008d2d088ae50424a836828fa59251','phone','*','["old-one"]',1795829397475005);
CREATE TABLE hold (
	id INTEGER NOT NULL, 
	scope VARCHAR(12) NOT NULL, 
	target TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	since_at BIGINT NOT NULL, 
	until_at BIGINT, 
	lifted_at BIGINT, 
	cases JSON, 
	CONSTRAINT pk_hold PRIMARY KEY (id)
);
CREATE TABLE lane (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	room_at BIGINT DEFAULT '0' NOT NULL, 
	late_since_at BIGINT DEFAULT '0' NOT NULL, 
	late_before_at BIGINT DEFAULT '0' NOT NULL, 
	late_interval BIGINT, 
	CONSTRAINT pk_lane PRIMARY KEY (id), 
	CONSTRAINT uq_lane_campaign_id UNIQUE (campaign_id, channel), 
	CONSTRAINT fk_lane_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id)
);
INSERT INTO "lane" VALUES(1,1,'sms',1795829350000000,0,0,NULL);
CREATE TABLE membership (
	segment_id INTEGER NOT NULL, 
	record_id INTEGER NOT NULL, 
	joined_at BIGINT NOT NULL, 
	missing_since_at BIGINT, 
	left_at BIGINT, 
	CONSTRAINT pk_membership PRIMARY KEY (segment_id, record_id), 
	CONSTRAINT fk_membership_segment_id FOREIGN KEY(segment_id) REFERENCES segment (id), 
	CONSTRAINT fk_membership_record_id FOREIGN KEY(record_id) REFERENCES record (id)
);
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('made_by','fluentsd');
INSERT INTO "meta" VALUES('seen_at','1795829360267098');
CREATE TABLE number (
	id INTEGER NOT NULL, 
	e164 VARCHAR(17) NOT NULL, 
	label TEXT DEFAULT '' NOT NULL, 
	pace TEXT, 
	room_at BIGINT DEFAULT '0' NOT NULL, 
	used BIGINT DEFAULT '0' NOT NULL, 
	retired_at BIGINT, 
	carries VARCHAR(16) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_number PRIMARY KEY (id), 
	CONSTRAINT uq_number_e164 UNIQUE (e164)
);
INSERT INTO "number" VALUES(1,'+12125550123','',NULL,7,3,NULL,'');
CREATE TABLE number_tag (
	number_id INTEGER NOT NULL, 
	tag VARCHAR(63) NOT NULL, 
	CONSTRAINT pk_number_tag PRIMARY KEY (number_id, tag), 
	CONSTRAINT fk_number_tag_number_id FOREIGN KEY(number_id) REFERENCES number (id)
);
INSERT INTO "number_tag" VALUES(1,'a');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	topic VARCHAR(40) NOT NULL, 
	"key" TEXT NOT NULL, 
	payload JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	due_at BIGINT NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	problem TEXT DEFAULT '' NOT NULL, 
	delivered_at BIGINT, 
	CONSTRAINT pk_outbox PRIMARY KEY (id)
);
INSERT INTO "outbox" VALUES(1,'campaign.active','old-one','{"campaign": "old-one", "by": "operator"}',1795829352872251,1795829352872251,0,'',1795829352992519);
CREATE TABLE point (
	id INTEGER NOT NULL, 
	contact_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	value TEXT NOT NULL, 
	position INTEGER DEFAULT '0' NOT NULL, 
	dead_on VARCHAR(32) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_point PRIMARY KEY (id), 
	CONSTRAINT uq_point_kind UNIQUE (kind, value), 
	CONSTRAINT fk_point_contact_id FOREIGN KEY(contact_id) REFERENCES contact (id)
);
INSERT INTO "point" VALUES(1,1,'email','p0@example.com',1,'');
INSERT INTO "point" VALUES(2,2,'email','p1@example.com',1,'');
INSERT INTO "point" VALUES(3,3,'email','p2@example.com',1,'');
INSERT INTO "point" VALUES(4,4,'email','p3@example.com',1,'');
INSERT INTO "point" VALUES(5,5,'email','p4@example.com',1,'');
INSERT INTO "point" VALUES(6,6,'email','p5@example.com',1,'');
INSERT INTO "point" VALUES(7,7,'email','p6@example.com',1,'');
INSERT INTO "point" VALUES(9,1,'phone','+971501234500',0,'');
INSERT INTO "point" VALUES(10,2,'phone','+971501234501',0,'');
INSERT INTO "point" VALUES(11,3,'phone','+971501234502',0,'');
INSERT INTO "point" VALUES(12,4,'phone','+971501234503',0,'');
INSERT INTO "point" VALUES(13,5,'phone','+971501234504',0,'');
INSERT INTO "point" VALUES(14,6,'phone','+971501234505',0,'');
INSERT INTO "point" VALUES(15,7,'phone','+971501234506',0,'');
CREATE TABLE record (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	object VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	contact_id INTEGER NOT NULL, 
	attestation_id INTEGER, 
	fields TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_record PRIMARY KEY (id), 
	CONSTRAINT uq_record_source_id UNIQUE (source_id, object, "key"), 
	CONSTRAINT fk_record_source_id FOREIGN KEY(source_id) REFERENCES source (id), 
	CONSTRAINT fk_record_contact_id FOREIGN KEY(contact_id) REFERENCES contact (id)
);
INSERT INTO "record" VALUES(1,1,'row','phone:+971501234500',1,NULL,'{"phone":"+971501234500","email":"p0@example.com","first_name":"P0","full_name":"P0"}',1795829341422597);
INSERT INTO "record" VALUES(2,1,'row','phone:+971501234501',2,NULL,'{"phone":"+971501234501","email":"p1@example.com","first_name":"P1","full_name":"P1"}',1795829341422597);
INSERT INTO "record" VALUES(3,1,'row','phone:+971501234502',3,NULL,'{"phone":"+971501234502","email":"p2@example.com","first_name":"P2","full_name":"P2"}',1795829341422597);
INSERT INTO "record" VALUES(4,1,'row','phone:+971501234503',4,NULL,'{"phone":"+971501234503","email":"p3@example.com","first_name":"P3","full_name":"P3"}',1795829341422597);
INSERT INTO "record" VALUES(5,1,'row','phone:+971501234504',5,NULL,'{"phone":"+971501234504","email":"p4@example.com","first_name":"P4","full_name":"P4"}',1795829341422597);
INSERT INTO "record" VALUES(6,1,'row','phone:+971501234505',6,NULL,'{"phone":"+971501234505","email":"p5@example.com","first_name":"P5","full_name":"P5"}',1795829341422597);
INSERT INTO "record" VALUES(7,1,'row','phone:+971501234506',7,NULL,'{"phone":"+971501234506","email":"p6@example.com","first_name":"P6","full_name":"P6"}',1795829341422597);
CREATE TABLE record_alias (
	source_id INTEGER NOT NULL, 
	object VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	record_id INTEGER NOT NULL, 
	CONSTRAINT pk_record_alias PRIMARY KEY (source_id, object, "key"), 
	CONSTRAINT fk_record_alias_source_id FOREIGN KEY(source_id) REFERENCES source (id), 
	CONSTRAINT fk_record_alias_record_id FOREIGN KEY(record_id) REFERENCES record (id)
);
CREATE TABLE segment (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	name TEXT NOT NULL, 
	mark JSON, 
	walked_at BIGINT, 
	CONSTRAINT pk_segment PRIMARY KEY (id), 
	CONSTRAINT uq_segment_source_id UNIQUE (source_id, "key"), 
	CONSTRAINT fk_segment_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
INSERT INTO "segment" VALUES(1,1,'list:1','Fair','{"at": 5}',NULL);
CREATE TABLE source (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	config JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_source PRIMARY KEY (id), 
	CONSTRAINT uq_source_kind UNIQUE (kind, name)
);
INSERT INTO "source" VALUES(1,'csv','p.csv','{}',1795829341422597);
CREATE TABLE spend (
	campaign_id INTEGER NOT NULL, 
	day INTEGER NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	micros BIGINT NOT NULL, 
	CONSTRAINT pk_spend PRIMARY KEY (campaign_id, day, currency)
)
 WITHOUT ROWID

;
CREATE TABLE stop (
	id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	value TEXT NOT NULL, 
	channel VARCHAR(8) DEFAULT '*' NOT NULL, 
	reason TEXT NOT NULL, 
	evidence JSON, 
	"by" TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	lifted_at BIGINT, 
	lifted_by TEXT, 
	lifted_because TEXT, 
	CONSTRAINT pk_stop PRIMARY KEY (id)
);
INSERT INTO "stop" VALUES(1,'phone','erased:ef3b12312a008d2d088ae50424a836828fa59251','*','operator','null','operator',1795829347886396,NULL,NULL,NULL);
INSERT INTO "stop" VALUES(2,'phone','+971501234503','sms','operator','{"said": "no texts"}','operator',1795829381721872,NULL,NULL,NULL);
CREATE TABLE tally (
	scope VARCHAR(12) NOT NULL, 
	target INTEGER NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	hour BIGINT NOT NULL, 
	figure VARCHAR(16) NOT NULL, 
	count BIGINT NOT NULL, 
	CONSTRAINT pk_tally PRIMARY KEY (scope, target, channel, hour, figure)
)
 WITHOUT ROWID

;
INSERT INTO "tally" VALUES('campaign',1,'sms',1795829352872251,'made',5);
INSERT INTO "tally" VALUES('campaign',1,'sms',1795829352872251,'reached',2);
CREATE TABLE template (
	name VARCHAR(63) NOT NULL, 
	version INTEGER NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	parts JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	removed_at BIGINT, 
	CONSTRAINT pk_template PRIMARY KEY (name, version)
);
CREATE TABLE version (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	steps JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT pk_version PRIMARY KEY (id), 
	CONSTRAINT uq_version_campaign_id UNIQUE (campaign_id, number), 
	CONSTRAINT fk_version_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id)
);
INSERT INTO "version" VALUES(1,1,1,'[{"id": "text", "channel": "sms", "after": "0", "before": null, "of": null, "timing": "earliest", "hours": null, "days": null, "when": null, "agent": "", "template": null, "subject": "", "sender": "", "reply_to": "", "text": "Hi {{ first_name }}", "html": "", "retry": null}, {"id": "mail", "channel": "sms", "after": "1 hour", "before": null, "of": null, "timing": "earliest", "hours": null, "days": null, "when": null, "agent": "", "template": null, "subject": "", "sender": "", "reply_to": "", "text": "Again", "html": "", "retry": null}]',1795829339207642,'operator');
CREATE TABLE waiting (
	lane_id INTEGER NOT NULL, 
	rank INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	enrollment_id INTEGER NOT NULL, 
	CONSTRAINT pk_waiting PRIMARY KEY (lane_id, rank, due_at, enrollment_id)
)
 WITHOUT ROWID

;
INSERT INTO "waiting" VALUES(1,1,1795832953056951,1);
INSERT INTO "waiting" VALUES(1,1,1795832953057161,2);
INSERT INTO "waiting" VALUES(1,1,1795832953057290,3);
INSERT INTO "waiting" VALUES(1,1,1795832953057398,4);
INSERT INTO "waiting" VALUES(1,1,1795832953057509,5);
INSERT INTO "waiting" VALUES(1,1,1795832953057605,6);
INSERT INTO "waiting" VALUES(1,1,1795832953057697,7);
CREATE INDEX ix_hold_open ON hold (scope, target) WHERE lifted_at IS NULL;
CREATE INDEX ix_attempt_contact ON attempt (contact_id, marked_at);
CREATE INDEX ix_attempt_ref ON attempt (provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX ix_attempt_open ON attempt (deadline_at) WHERE state = 'open';
CREATE INDEX ix_content_kind ON content (kind, created_at);
CREATE INDEX ix_content_contact_id ON content (contact_id);
CREATE INDEX ix_content_open_replies ON content (created_at) WHERE kind = 'reply' AND handled_at IS NULL;
CREATE INDEX ix_content_attempt_id ON content (attempt_id);
CREATE INDEX ix_stop_value ON stop (value, kind);
CREATE INDEX ix_audit_detailed ON audit (at) WHERE details IS NOT NULL OR answer IS NOT NULL;
CREATE INDEX ix_audit_target ON audit (target, at);
CREATE INDEX ix_outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX ix_outbox_due ON outbox (due_at) WHERE delivered_at IS NULL;
CREATE INDEX ix_number_tag_tag ON number_tag (tag);
CREATE INDEX ix_enrollment_errored ON enrollment (campaign_id, reason) WHERE state = 'errored';
CREATE INDEX ix_enrollment_held ON enrollment (campaign_id) WHERE held = 1;
CREATE INDEX ix_enrollment_contact_id ON enrollment (contact_id);
CREATE INDEX ix_point_contact_id ON point (contact_id);
CREATE INDEX ix_attestation_source_id ON attestation (source_id);
CREATE INDEX ix_record_contact_id ON record (contact_id);
CREATE INDEX ix_record_alias_record_id ON record_alias (record_id);
CREATE INDEX ix_membership_record_id ON membership (record_id);
COMMIT;
