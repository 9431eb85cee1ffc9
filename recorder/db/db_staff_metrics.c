#include "recorder/db/db_staff_metrics.h"

#include "recorder/erasure/request_clock.h"

const char *const ap_recording_state_names[AP_RECORDING_STATES] = {"recording", "sealed", "archived", "restricted",
								   "erased"};

struct ap_result ap_db_staff_counts(struct ap_db *db, int64_t now_ms, struct ap_staff_counts *ret_counts)
{
	struct ap_staff_counts n = {0};
	for (unsigned i = 0; i < AP_RECORDING_STATES; i++)
		AP_TRY(ap_db_count(db, "SELECT count(*) FROM recording WHERE state = ?1",
				   AP_VALUES(AP_V_TEXT(ap_recording_state_names[i])), &n.recordings[i]));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM erasure WHERE certificate IS NULL", AP_NO_VALUES,
			   &n.erasures_open));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM access WHERE ended_ms IS NULL", AP_NO_VALUES, &n.accesses_open));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM request WHERE state IN ('open', 'extended')", AP_NO_VALUES,
			   &n.requests_open));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM request WHERE state IN ('open', 'extended') AND due_ms < ?1",
			   AP_VALUES(AP_V_INT(now_ms)), &n.requests_overdue));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM request WHERE state IN ('open', 'extended') AND due_ms <= ?1",
			   AP_VALUES(AP_V_INT(now_ms + AP_REQUEST_SOON_MS)), &n.requests_soon));
	AP_TRY(ap_db_count(db,
			   "SELECT count(DISTINCT i.request) FROM request_item i JOIN request q ON q.id = i.request"
			   " WHERE i.ticked_ms IS NULL AND q.state <> 'refused'",
			   AP_NO_VALUES, &n.checklists_open));
	AP_TRY(ap_db_count(db, "SELECT coalesce(max(idx) + 1, 0) FROM leaf", AP_NO_VALUES, &n.leaves));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM user_ WHERE role = 'admin' AND disabled_ms IS NULL", AP_NO_VALUES,
			   &n.admins));
	*ret_counts = n;
	return AP_SUCCESS;
}
