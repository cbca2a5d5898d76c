-- The integrity rules of the payroll domain (payroll.md), a query each: rows that break the rule, as
-- (place, problem); none when it holds. A header line "-- <id>: <what holds>" begins a rule. The only
-- parameter is %(as_of)s, a naive UTC timestamp. Rule 10 and the hosts are read off the models in integrity.py.

-- 1a: A shift's hours are the time between clock-in and clock-out, rounded to 2 places.
SELECT concat('work_sessions ', id) AS place,
       concat(hours_worked, ' hours, the clock says ', clock_out - clock_in) AS problem
  FROM work_sessions
 WHERE clock_out IS NOT NULL
   AND hours_worked IS DISTINCT FROM round(extract(epoch FROM clock_out - clock_in) / 3600, 2)

-- 1b: A shift's amount is its hours times its rate.
SELECT concat('work_sessions ', id) AS place,
       concat(total_amount, ' for ', hours_worked, ' hours at ', hourly_rate) AS problem
  FROM work_sessions
 WHERE session_status <> 'active'
   AND total_amount IS DISTINCT FROM hours_worked * hourly_rate

-- 1c: A day's hours on one channel stay within the channel's max_daily_hours.
SELECT concat('payment_channels ', c.id) AS place,
       concat(d.hours, ' hours on ', d.day, ', at most ', c.max_daily_hours) AS problem
  FROM (SELECT payment_channel_id, clock_in::date AS day, sum(hours_worked) AS hours
          FROM work_sessions GROUP BY 1, 2) d
  JOIN payment_channels c ON c.id = d.payment_channel_id
 WHERE d.hours > c.max_daily_hours

-- 1d: An active shift has no clock_out, hours, amount or timeout.
SELECT concat('work_sessions ', id) AS place, 'active, and yet over' AS problem
  FROM work_sessions
 WHERE session_status = 'active'
   AND num_nonnulls(clock_out, hours_worked, total_amount, timeout_at) > 0

-- 1e: A shift that is over ended after it began.
SELECT concat('work_sessions ', id) AS place,
       concat(session_status, ', from ', clock_in, ' to ', coalesce(clock_out::text, 'NULL')) AS problem
  FROM work_sessions
 WHERE session_status <> 'active' AND (clock_out IS NULL OR clock_out <= clock_in)

-- 1f: A shift has a timeout_at exactly if it timed out.
SELECT concat('work_sessions ', id) AS place,
       concat(session_status, ', timeout_at ', coalesce(timeout_at::text, 'NULL')) AS problem
  FROM work_sessions
 WHERE (session_status = 'timeout') <> (timeout_at IS NOT NULL)

-- 2: No worker has two shifts at the same time, whoever the employers are.
SELECT concat('work_sessions ', id) AS place,
       concat('worker ', wallet, ' was still at work until ', busy_until) AS problem
  FROM (SELECT s.id, s.clock_in, e.employee_wallet_address AS wallet,
               max(coalesce(s.clock_out, 'infinity')) OVER (
                   PARTITION BY e.employee_wallet_address ORDER BY s.clock_in, s.id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
          FROM work_sessions s JOIN employees e ON e.id = s.employee_id) shifts
 WHERE busy_until > clock_in

-- 3a: What an open channel owes is the sum of its completed shifts that no completed payment settled.
SELECT concat('payment_channels ', c.id) AS place,
       concat('owes ', c.off_chain_accumulated_balance, ', its unsettled shifts say ',
              coalesce(owed.amount, 0)) AS problem
  FROM payment_channels c
  LEFT JOIN (SELECT s.payment_channel_id, sum(s.total_amount) AS amount
               FROM work_sessions s
              WHERE s.session_status = 'completed'
                AND NOT EXISTS (SELECT FROM payments p
                                 WHERE p.session_id = s.id AND p.payment_status = 'completed')
              GROUP BY 1) owed ON owed.payment_channel_id = c.id
 WHERE c.status IN ('active', 'closing')
   AND c.off_chain_accumulated_balance <> coalesce(owed.amount, 0)

-- 3b: The hours of an open channel are those of the same shifts.
SELECT concat('payment_channels ', c.id) AS place,
       concat(c.hours_accumulated, ' hours, its unsettled shifts say ', coalesce(owed.hours, 0)) AS problem
  FROM payment_channels c
  LEFT JOIN (SELECT s.payment_channel_id, sum(s.hours_worked) AS hours
               FROM work_sessions s
              WHERE s.session_status = 'completed'
                AND NOT EXISTS (SELECT FROM payments p
                                 WHERE p.session_id = s.id AND p.payment_status = 'completed')
              GROUP BY 1) owed ON owed.payment_channel_id = c.id
 WHERE c.status IN ('active', 'closing')
   AND c.hours_accumulated <> coalesce(owed.hours, 0)

-- 3c: What a channel owes lies between nothing and what it was funded with.
SELECT concat('payment_channels ', id) AS place,
       concat('owes ', off_chain_accumulated_balance, ' of ', escrow_funded_amount) AS problem
  FROM payment_channels
 WHERE off_chain_accumulated_balance NOT BETWEEN 0 AND escrow_funded_amount

-- 4a: An active channel shows no sign of a closure.
SELECT concat('payment_channels ', id) AS place, 'active, with closure fields' AS problem
  FROM payment_channels
 WHERE status = 'active'
   AND num_nonnulls(closure_initiated_at, expiration_time, closure_tx_hash, closed_at, closure_reason) > 0

-- 4b: A closing channel expires settle_delay after its closure was asked for.
SELECT concat('payment_channels ', id) AS place,
       concat('closing since ', coalesce(closure_initiated_at::text, 'NULL'), ', expires ',
              coalesce(expiration_time::text, 'NULL')) AS problem
  FROM payment_channels
 WHERE status = 'closing'
   AND (closure_initiated_at IS NULL
        OR expiration_time IS DISTINCT FROM closure_initiated_at + settle_delay * interval '1 second')

-- 4c: A closing channel is not closed yet; a closed one was closed after that was asked for.
SELECT concat('payment_channels ', id) AS place,
       concat(status, ', asked for at ', coalesce(closure_initiated_at::text, 'NULL'), ', closed at ',
              closed_at) AS problem
  FROM payment_channels
 WHERE closed_at IS NOT NULL AND (status = 'closing' OR closed_at < closure_initiated_at)

-- 4d: A closed channel says when, why and by which transaction.
SELECT concat('payment_channels ', id) AS place,
       concat_ws(', ', 'closed', CASE WHEN closed_at IS NULL THEN 'no closed_at' END,
                 CASE WHEN closure_tx_hash IS NULL THEN 'no closure_tx_hash' END,
                 CASE WHEN closure_reason IS NULL THEN 'no closure_reason' END) AS problem
  FROM payment_channels
 WHERE status = 'closed' AND num_nulls(closed_at, closure_tx_hash, closure_reason) > 0

-- 4e: A closed channel owes nothing.
SELECT concat('payment_channels ', id) AS place,
       concat('closed, and owes ', off_chain_accumulated_balance) AS problem
  FROM payment_channels
 WHERE status = 'closed' AND off_chain_accumulated_balance <> 0

-- 4f: A channel that expired has its expiration_time in the past.
SELECT concat('payment_channels ', id) AS place,
       concat('expired, and expires ', coalesce(expiration_time::text, 'NULL')) AS problem
  FROM payment_channels
 WHERE closure_reason = 'expired'
   AND coalesce(expiration_time, 'infinity') > coalesce(closed_at, %(as_of)s::timestamp)

-- 4g: cancel_after is a day after creation, in ledger time (seconds since 2000-01-01 UTC).
SELECT concat('payment_channels ', id) AS place,
       concat('cancel_after is ', timestamp '2000-01-01' + cancel_after * interval '1 second',
              ', created at ', created_at) AS problem
  FROM payment_channels
 WHERE cancel_after <> floor(extract(epoch FROM created_at - timestamp '2000-01-01')) + 86400

-- 4h: Nobody works on a channel after it closed.
SELECT concat('work_sessions ', s.id) AS place,
       concat('until ', coalesce(s.clock_out::text, 'now'), ', the channel closed at ', c.closed_at) AS problem
  FROM payment_channels c
  JOIN work_sessions s ON s.payment_channel_id = c.id
 WHERE c.status = 'closed' AND coalesce(s.clock_out, 'infinity') > c.closed_at

-- 5a: on_chain_balance is what was claimed: the completed payments through the channel, 0 until the first.
SELECT concat('payment_channels ', c.id) AS place,
       concat(c.on_chain_balance, ' on chain, ', coalesce(claimed.amount, 0), ' claimed') AS problem
  FROM payment_channels c
  LEFT JOIN (SELECT payment_channel_id, sum(amount) AS amount
               FROM payments WHERE payment_status = 'completed'
              GROUP BY 1) claimed ON claimed.payment_channel_id = c.channel_id
 WHERE c.on_chain_balance <> coalesce(claimed.amount, 0)

-- 5b: No more was claimed than the channel was funded with.
SELECT concat('payment_channels ', id) AS place,
       concat(on_chain_balance, ' claimed of ', escrow_funded_amount) AS problem
  FROM payment_channels
 WHERE on_chain_balance > escrow_funded_amount

-- 5c: Seeded channels were made after the two-balance change: their legacy balance is 0.
SELECT concat('payment_channels ', id) AS place,
       concat('legacy balance ', legacy_accumulated_balance) AS problem
  FROM payment_channels
 WHERE legacy_accumulated_balance IS DISTINCT FROM 0

-- 6a: An escrow transaction moves the balance by its amount, up or down by its type.
SELECT concat('escrow_transactions ', id) AS place,
       concat(transaction_type, ' of ', amount, ' from ', balance_before, ' to ', balance_after) AS problem
  FROM escrow_transactions
 WHERE amount <= 0
    OR balance_after <> balance_before
       + CASE WHEN transaction_type IN ('deposit', 'refund') THEN amount ELSE -amount END

-- 6b: Each escrow transaction begins where the one before ended, the first at 0.
SELECT concat('escrow_transactions ', id) AS place,
       concat('begins with ', balance_before, ', the one before ended with ', previous) AS problem
  FROM (SELECT id, balance_before,
               lag(balance_after, 1, 0::numeric) OVER (
                   PARTITION BY organization_id ORDER BY created_at, id) AS previous
          FROM escrow_transactions) chain
 WHERE balance_before <> previous

-- 6c: An organization's escrow balance is where its last transaction ended.
SELECT concat('organizations ', o.id) AS place,
       concat('balance ', o.escrow_balance, ', its last transaction says ',
              coalesce(last.balance_after, 0)) AS problem
  FROM organizations o
  LEFT JOIN (SELECT DISTINCT ON (organization_id) organization_id, balance_after
               FROM escrow_transactions
              ORDER BY organization_id, created_at DESC, id DESC) last ON last.organization_id = o.id
 WHERE o.escrow_balance <> coalesce(last.balance_after, 0)

-- 6d: No escrow balance is ever negative.
SELECT concat('escrow_transactions ', id) AS place,
       concat('from ', balance_before, ' to ', balance_after) AS problem
  FROM escrow_transactions
 WHERE least(balance_before, balance_after) < 0
 UNION ALL
SELECT concat('organizations ', id), concat('balance ', escrow_balance)
  FROM organizations
 WHERE escrow_balance < 0

-- 6e: An organization's escrow transactions have an order: no two at the same moment.
SELECT concat('organizations ', organization_id) AS place,
       concat(count(*), ' transactions at ', created_at) AS problem
  FROM escrow_transactions
 GROUP BY organization_id, created_at
HAVING count(*) > 1

-- 7a: total_workers counts an organization's active employees.
SELECT concat('organizations ', o.id) AS place,
       concat(o.total_workers, ' workers, ', coalesce(staff.workers, 0), ' active employees') AS problem
  FROM organizations o
  LEFT JOIN (SELECT organization_id, count(*) AS workers
               FROM employees WHERE employment_status = 'active'
              GROUP BY 1) staff ON staff.organization_id = o.id
 WHERE o.total_workers <> coalesce(staff.workers, 0)

-- 7b: total_hours_worked sums an employee's completed shifts.
SELECT concat('employees ', e.id) AS place,
       concat(e.total_hours_worked, ' hours, the shifts say ', coalesce(worked.hours, 0)) AS problem
  FROM employees e
  LEFT JOIN (SELECT employee_id, sum(hours_worked) AS hours
               FROM work_sessions WHERE session_status = 'completed'
              GROUP BY 1) worked ON worked.employee_id = e.id
 WHERE e.total_hours_worked <> coalesce(worked.hours, 0)

-- 7c: total_earnings sums the same shifts.
SELECT concat('employees ', e.id) AS place,
       concat('earned ', e.total_earnings, ', the shifts say ', coalesce(worked.amount, 0)) AS problem
  FROM employees e
  LEFT JOIN (SELECT employee_id, sum(total_amount) AS amount
               FROM work_sessions WHERE session_status = 'completed'
              GROUP BY 1) worked ON worked.employee_id = e.id
 WHERE e.total_earnings <> coalesce(worked.amount, 0)

-- 8a: A completed payment has its transaction and its moment.
SELECT concat('payments ', id) AS place, 'completed, without tx_hash or paid_at' AS problem
  FROM payments
 WHERE payment_status = 'completed' AND num_nulls(tx_hash, paid_at) > 0

-- 8b: A completed payment was made after its shift was over.
SELECT concat('payments ', p.id) AS place,
       concat('paid at ', p.paid_at, ', the shift ended ', coalesce(s.clock_out::text, 'not yet')) AS problem
  FROM payments p
  JOIN work_sessions s ON s.id = p.session_id
 WHERE p.payment_status = 'completed'
   AND coalesce(p.paid_at >= s.clock_out, false) IS FALSE

-- 8c: A completed payment goes from the organization's escrow wallet to the worker's wallet.
SELECT concat('payments ', p.id) AS place,
       concat('from ', p.from_wallet, ' to ', p.to_wallet) AS problem
  FROM payments p
  JOIN organizations o ON o.id = p.organization_id
  JOIN employees e ON e.id = p.employee_id
 WHERE p.payment_status = 'completed'
   AND (p.from_wallet <> o.escrow_wallet_address OR p.to_wallet <> e.employee_wallet_address)

-- 8d: A completed payment names its channel: the shift's, or one between organization and worker.
SELECT concat('payments ', p.id) AS place,
       concat('through channel ', coalesce(p.payment_channel_id, 'NULL')) AS problem
  FROM payments p
  LEFT JOIN work_sessions s ON s.id = p.session_id
  LEFT JOIN payment_channels c ON c.channel_id = p.payment_channel_id
 WHERE p.payment_status = 'completed'
   AND (c.id IS NULL OR c.id <> s.payment_channel_id
        OR c.employee_id <> p.employee_id OR c.organization_id <> p.organization_id)

-- 9a: Every payment's channel exists.
SELECT concat('payments ', p.id) AS place,
       concat('unknown channel ', p.payment_channel_id) AS problem
  FROM payments p
  LEFT JOIN payment_channels c ON c.channel_id = p.payment_channel_id
 WHERE p.payment_channel_id IS NOT NULL AND c.id IS NULL

-- 9b: Every wallet in payments and escrow transactions belongs to somebody here.
WITH known AS (
    SELECT wallet_address AS wallet FROM users
     UNION SELECT escrow_wallet_address FROM organizations
     UNION SELECT employee_wallet_address FROM employees
), named AS (
    SELECT concat('payments ', id) AS place, from_wallet AS wallet FROM payments
     UNION ALL SELECT concat('payments ', id), to_wallet FROM payments
     UNION ALL SELECT concat('escrow_transactions ', id), wallet_address FROM escrow_transactions
)
SELECT named.place, concat('unknown wallet ', named.wallet) AS problem
  FROM named LEFT JOIN known USING (wallet)
 WHERE named.wallet IS NOT NULL AND known.wallet IS NULL

-- 9c: A deletion log's user exists until the hard deletion, and not after.
SELECT concat('deletion_logs ', l.id) AS place,
       CASE WHEN u.id IS NULL THEN 'unknown user' ELSE 'the user is still there' END AS problem
  FROM deletion_logs l
  LEFT JOIN users u ON u.wallet_address = l.wallet_address
 WHERE (u.id IS NULL) <> (l.hard_deleted_at IS NOT NULL)

-- 9d: An organization is told about its own workers, or about one who was deleted.
SELECT concat('ngo_notifications ', n.id) AS place,
       concat('unknown worker ', n.worker_wallet_address) AS problem
  FROM ngo_notifications n
 WHERE NOT EXISTS (SELECT FROM employees e
                    WHERE e.organization_id = n.organization_id
                      AND e.employee_wallet_address = n.worker_wallet_address)
   AND NOT EXISTS (SELECT FROM deletion_logs l WHERE l.wallet_address = n.worker_wallet_address)

-- 9e: The row that an activity log names exists.
SELECT concat('activity_logs ', l.id) AS place,
       concat('no ', l.entity_type, ' ', l.entity_id) AS problem
  FROM activity_logs l
  LEFT JOIN (SELECT 'user' AS entity_type, id AS entity_id FROM users
              UNION ALL SELECT 'organization', id FROM organizations
              UNION ALL SELECT 'employee', id FROM employees
              UNION ALL SELECT 'payment_channel', id FROM payment_channels
              UNION ALL SELECT 'work_session', id FROM work_sessions
              UNION ALL SELECT 'payment', id FROM payments
              UNION ALL SELECT 'escrow_transaction', id FROM escrow_transactions
              UNION ALL SELECT 'payment_configuration', id FROM payment_configurations
            ) entity USING (entity_type, entity_id)
 WHERE num_nonnulls(l.entity_type, l.entity_id) > 0 AND entity.entity_id IS NULL

-- 9f: A worker who signed up works under the wallet he signed up with.
SELECT concat('employees ', e.id) AS place,
       concat('wallet ', e.employee_wallet_address, ', the user has ', u.wallet_address) AS problem
  FROM employees e
  JOIN users u ON u.id = e.user_id
 WHERE e.employee_wallet_address <> u.wallet_address

-- 9g: The parents of a channel, a shift or a payment agree with each other.
SELECT concat('payment_channels ', c.id) AS place, 'its employee works for another organization' AS problem
  FROM payment_channels c JOIN employees e ON e.id = c.employee_id
 WHERE c.organization_id <> e.organization_id
 UNION ALL
SELECT concat('work_sessions ', s.id), 'its channel belongs to somebody else'
  FROM work_sessions s JOIN payment_channels c ON c.id = s.payment_channel_id
 WHERE s.organization_id <> c.organization_id OR s.employee_id <> c.employee_id
 UNION ALL
SELECT concat('payments ', p.id), 'its employee works for another organization'
  FROM payments p JOIN employees e ON e.id = p.employee_id
 WHERE p.organization_id <> e.organization_id
 UNION ALL
SELECT concat('payments ', p.id), 'its shift was somebody else''s'
  FROM payments p JOIN work_sessions s ON s.id = p.session_id
 WHERE p.employee_id <> s.employee_id

-- 9h: No two channels have the same channel_id, however it is written.
SELECT concat('payment_channels ', min(id), ' and ', max(id)) AS place,
       concat('channel_id ', upper(trim(channel_id))) AS problem
  FROM payment_channels
 GROUP BY upper(trim(channel_id))
HAVING count(*) > 1

-- 9i: A terminated employee has a termination_date.
SELECT concat('employees ', id) AS place, 'terminated, without termination_date' AS problem
  FROM employees
 WHERE employment_status = 'terminated' AND termination_date IS NULL

-- 9j: A terminated employee is not at work.
SELECT concat('employees ', e.id) AS place, concat('terminated, and in shift ', s.id) AS problem
  FROM employees e
  JOIN work_sessions s ON s.employee_id = e.id AND s.session_status = 'active'
 WHERE e.employment_status = 'terminated'

-- 9k: A deleted user has a deletion log.
SELECT concat('users ', u.id) AS place, 'deleted, without deletion log' AS problem
  FROM users u
 WHERE u.deleted_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM deletion_logs l WHERE l.wallet_address = u.wallet_address)

-- 9l: The organizations that a deletion log names exist, until the hard deletion takes them along.
SELECT concat('deletion_logs ', l.id) AS place, concat('unknown organization ', affected.name) AS problem
  FROM deletion_logs l, unnest(l.organizations_affected) AS affected (name)
 WHERE l.hard_deleted_at IS NULL
   AND NOT EXISTS (SELECT FROM organizations o WHERE o.organization_name = affected.name)

-- 10-deleted: A deletion log is as old as the deletion, and the hard deletion came after.
SELECT concat('deletion_logs ', l.id) AS place,
       concat('written ', l.created_at, ', deleted ', u.deleted_at, ', hard ', l.hard_deleted_at) AS problem
  FROM deletion_logs l
  LEFT JOIN users u ON u.wallet_address = l.wallet_address
 WHERE l.created_at < greatest(u.created_at, u.deleted_at)

-- v1: Wallets look like XRPL classic addresses.
SELECT place, concat('wallet ', wallet) AS problem
  FROM (SELECT concat('users ', id) AS place, wallet_address AS wallet FROM users
         UNION ALL SELECT concat('organizations ', id), escrow_wallet_address FROM organizations
         UNION ALL SELECT concat('employees ', id), employee_wallet_address FROM employees
         UNION ALL SELECT concat('payments ', id), from_wallet FROM payments
         UNION ALL SELECT concat('payments ', id), to_wallet FROM payments
         UNION ALL SELECT concat('escrow_transactions ', id), wallet_address FROM escrow_transactions
         UNION ALL SELECT concat('ngo_notifications ', id), worker_wallet_address FROM ngo_notifications
         UNION ALL SELECT concat('deletion_logs ', id), wallet_address FROM deletion_logs) wallets
 WHERE wallet !~ '^r[1-9A-HJ-NP-Za-km-z]{24,34}$'

-- v2: Channel ids and transaction hashes are 64 upper-case hexadecimal digits.
SELECT place, concat('hash ', hash) AS problem
  FROM (SELECT concat('payment_channels ', id) AS place, channel_id AS hash FROM payment_channels
         UNION ALL SELECT concat('payment_channels ', id), creation_tx_hash FROM payment_channels
         UNION ALL SELECT concat('payment_channels ', id), closure_tx_hash FROM payment_channels
         UNION ALL SELECT concat('payments ', id), tx_hash FROM payments
         UNION ALL SELECT concat('payments ', id), payment_channel_id FROM payments
         UNION ALL SELECT concat('escrow_transactions ', id), tx_hash FROM escrow_transactions) hashes
 WHERE hash !~ '^[0-9A-F]{64}$'

-- v3: Public keys are ED and 64 upper-case hexadecimal digits.
SELECT concat('payment_channels ', id) AS place, concat('public key ', public_key) AS problem
  FROM payment_channels
 WHERE public_key !~ '^ED[0-9A-F]{64}$'

-- v4: E-mail addresses look like one.
SELECT place, concat('e-mail address ', email) AS problem
  FROM (SELECT concat('users ', id) AS place, email FROM users
         UNION ALL SELECT concat('organizations ', id), contact_email FROM organizations) addresses
 WHERE email !~ '^[a-z0-9][a-z0-9._+-]*@([a-z0-9-]+\.)+[a-z]+$'

-- v5: Phone numbers come from ranges reserved for fiction.
-- North America: 555-0100 to 0199 in any area code. United Kingdom (Ofcom): London 020 7946 0xxx, mobile 07700 900xxx.
-- France (ARCEP): 01 99 00, 02 61 91, 03 53 01, 04 65 71, 05 36 49, 06 39 98. Australia (ACMA): 0491 570 xxx, 0491 571 xxx.
SELECT place, concat('phone number ', phone) AS problem
  FROM (SELECT concat('users ', id) AS place, phone_number AS phone FROM users
         UNION ALL SELECT concat('organizations ', id), contact_phone FROM organizations) phones
 WHERE regexp_replace(phone, '[ ()-]', '', 'g') !~ ('^[+](1[2-9]\d\d55501\d\d'
       || '|442079460\d{3}|447700900\d{3}'
       || '|33(19900|26191|35301|46571|53649|63998)\d{4}'
       || '|6149157[01]\d{3})$')

-- v6: IP addresses come from the ranges reserved for documentation.
SELECT place, concat('address ', address) AS problem
  FROM (SELECT concat('sessions ', id) AS place, ip_address AS address FROM sessions
         UNION ALL SELECT concat('activity_logs ', id), ip_address FROM activity_logs) addresses
 WHERE NOT (address <<= '192.0.2.0/24' OR address <<= '198.51.100.0/24'
            OR address <<= '203.0.113.0/24' OR address <<= '2001:db8::/32')
