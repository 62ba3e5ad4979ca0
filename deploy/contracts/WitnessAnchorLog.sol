// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title An append-only log of the roll-ups of one witnessing firm
/// @notice The contract is itself an RFC 6962 Merkle tree (SHA-256), kept as a compact range: entry number `seq`
///   is `be64(seq) || be64(block.timestamp) || rollup`, and its leaf hash `SHA-256(0x00 || entry)`. Whoever
///   holds an inclusion path can prove for ever, against current state alone, that a roll-up stood here at a
///   time: old peaks are folded into newer ones, never forgotten.
/// @dev What must hold: entries are only ever appended, one at a time, and nobody chooses a root, a size or a
///   time. There is no delete, edit, pause, upgrade or proxy, and the owner cannot append.
contract WitnessAnchorLog {
    /// @dev Exactly one storage word, so that a commit reads and writes it once.
    struct Head {
        address committer;
        uint48 size;
        uint48 lastTime;
    }

    /// @notice Whose log this is: SHA-256 of the firm's root vkey and a newline, so that online keys can rotate
    bytes32 public immutable ORIGIN;

    /// @dev Slot 0.
    Head private _head;
    /// @dev Slots 1 to 48. Bit i of `size` says that peak i is live; one that is not is left over.
    bytes32[48] private _peaks;
    /// @notice The cold key: it can rotate the committer and retire the log, never append
    address public owner;
    /// @notice Who may accept the ownership; zero if nobody
    address public pendingOwner;
    /// @notice The log that goes on after this one, once it is retired; zero before
    address public successor;

    /// @notice A roll-up was appended
    /// @param seq Its number, from 0
    /// @param rollup SHA-256 of the text of the roll-up note
    /// @param leafHash Its leaf hash, which holds the time of the block
    event Anchored(uint48 indexed seq, bytes32 indexed rollup, bytes32 leafHash);
    /// @notice Another key may append
    /// @param from The key before; zero if there was none
    /// @param to The key now; zero if there is none
    event CommitterChanged(address indexed from, address indexed to);
    /// @notice The ownership is offered and not yet accepted
    /// @param to To whom
    event OwnershipOffered(address indexed to);
    /// @notice The ownership was accepted
    /// @param to The new owner
    event OwnershipAccepted(address indexed to);
    /// @notice The log has ended
    /// @param successor The log that goes on after it
    /// @param size Number of entries at the end
    /// @param root Root over them
    event Retired(address indexed successor, uint48 size, bytes32 root);

    /// @notice Only the committer may do this
    error NotCommitter();
    /// @notice Only the owner, or the one to whom the ownership is offered, may do this
    error NotOwner();
    /// @notice The log has ended
    error IsRetired();
    /// @notice The number is not the next one
    /// @param size The next number
    error Stale(uint48 size);
    /// @notice A zero where something must be named
    error Zero();

    /// @notice Opens an empty log
    /// @param owner_ The cold key; not zero
    /// @param committer_ The hot key
    /// @param origin SHA-256 of the firm's root vkey and a newline
    constructor(address owner_, address committer_, bytes32 origin) {
        if (owner_ == address(0)) revert Zero();
        ORIGIN = origin;
        owner = owner_;
        _head.committer = committer_;
        emit CommitterChanged(address(0), committer_);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    /// @notice Appends a roll-up under the time of this block
    /// @dev `seq` is a compare-and-swap: a transaction sent twice, a second worker and a replay after a
    ///   reorganisation change nothing.
    /// @param seq The number that it must get
    /// @param rollup SHA-256 of the text of the roll-up note; not zero
    function commit(uint48 seq, bytes32 rollup) external {
        Head memory head_ = _head;
        if (msg.sender != head_.committer) revert NotCommitter();
        if (seq != head_.size) revert Stale(head_.size);
        if (rollup == 0) revert Zero();
        bytes32 leaf = leafHash(seq, uint64(block.timestamp), rollup);
        bytes32 node = leaf;
        uint256 level = 0;
        // Each trailing one bit is a full subtree that the new leaf completes.
        for (uint256 rest = seq; rest & 1 == 1; rest >>= 1) {
            node = _nodeHash(_peaks[level], node);
            ++level;
        }
        _peaks[level] = node;
        head_.size = seq + 1;
        head_.lastTime = uint48(block.timestamp);
        _head = head_;
        emit Anchored(seq, rollup, leaf);
    }

    /// @notice The hot key, which alone can append; zero once the log is retired
    function committer() external view returns (address) {
        return _head.committer;
    }

    /// @notice Root over all entries; SHA-256 of nothing while there is none
    function root() public view returns (bytes32) {
        uint256 rest = _head.size;
        if (rest == 0) return sha256("");
        uint256 level = 0;
        while (rest & 1 == 0) {
            rest >>= 1;
            ++level;
        }
        bytes32 node = _peaks[level];
        for (rest >>= 1; rest != 0; rest >>= 1) {
            ++level;
            if (rest & 1 == 1) node = _nodeHash(_peaks[level], node);
        }
        return node;
    }

    /// @notice The tree head
    /// @return size Number of entries
    /// @return lastTime Time of the newest, in seconds since the epoch; zero if there is none
    /// @return root_ Root over all of them
    function head() external view returns (uint48 size, uint48 lastTime, bytes32 root_) {
        Head memory head_ = _head;
        return (head_.size, head_.lastTime, root());
    }

    /// @notice Leaf hash of an entry
    /// @param seq Its number
    /// @param time Time of its block, in seconds since the epoch
    /// @param rollup SHA-256 of the text of the roll-up note
    function leafHash(uint64 seq, uint64 time, bytes32 rollup) public view returns (bytes32 hash) {
        // 49 bytes: they fit the scratch space, and cost no memory.
        assembly ("memory-safe") {
            mstore8(0x00, 0x00)
            mstore(0x01, shl(192, seq))
            mstore(0x09, shl(192, time))
            mstore(0x11, rollup)
            if iszero(staticcall(gas(), 0x02, 0x00, 0x31, 0x00, 0x20)) { revert(0, 0) }
            hash := mload(0x00)
        }
    }

    /// @notice Whether a roll-up is in this log, under its number and time
    /// @param seq Its number
    /// @param time Time of its block, in seconds since the epoch
    /// @param rollup SHA-256 of the text of the roll-up note
    /// @param proof Inclusion path from the leaf up, for the current size (RFC 6962 section 2.1.1)
    function verifyAnchored(uint64 seq, uint64 time, bytes32 rollup, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return verifyInclusion(leafHash(seq, time, rollup), seq, _head.size, root(), proof);
    }

    /// @notice Whether a leaf is in a tree: the check of RFC 9162 section 2.1.3.2, which takes a path of exactly the right length
    /// @param leaf Leaf hash
    /// @param index Its index in the tree
    /// @param size Number of leaves of the tree
    /// @param root_ Root of the tree
    /// @param proof Inclusion path from the leaf up
    function verifyInclusion(bytes32 leaf, uint256 index, uint256 size, bytes32 root_, bytes32[] calldata proof)
        public
        view
        returns (bool)
    {
        if (index >= size) return false;
        uint256 last = size - 1;
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (index & 1 == 1) {
                node = _nodeHash(proof[i], node);
            } else if (index == last) {
                // A node without a sibling rises until it has one on its left.
                while (index & 1 == 0) {
                    index >>= 1;
                    last >>= 1;
                }
                node = _nodeHash(proof[i], node);
            } else {
                node = _nodeHash(node, proof[i]);
            }
            index >>= 1;
            last >>= 1;
        }
        return last == 0 && node == root_;
    }

    /// @notice Lets another hot key append, and the one before no more
    /// @param to The new key; zero stops all appending until there is another one
    function setCommitter(address to) external onlyOwner {
        if (successor != address(0)) revert IsRetired();
        emit CommitterChanged(_head.committer, to);
        _head.committer = to;
    }

    /// @notice Gives the right to append up, at once: for a hot key that may have leaked
    function renounceCommitter() external {
        if (msg.sender != _head.committer) revert NotCommitter();
        emit CommitterChanged(msg.sender, address(0));
        _head.committer = address(0);
    }

    /// @notice Offers the ownership; nothing changes until it is accepted
    /// @param to To whom; zero takes the offer back
    function offerOwnership(address to) external onlyOwner {
        pendingOwner = to;
        emit OwnershipOffered(to);
    }

    /// @notice Accepts the ownership
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert NotOwner();
        owner = msg.sender;
        pendingOwner = address(0);
        emit OwnershipAccepted(msg.sender);
    }

    /// @notice Ends the log for ever; its entries stay provable
    /// @param successor_ The log that goes on after it; not zero
    function retire(address successor_) external onlyOwner {
        if (successor != address(0)) revert IsRetired();
        if (successor_ == address(0)) revert Zero();
        successor = successor_;
        emit CommitterChanged(_head.committer, address(0));
        _head.committer = address(0);
        emit Retired(successor_, _head.size, root());
    }

    /// @dev SHA-256(0x01 || left || right): 65 bytes, one more than the scratch space holds.
    function _nodeHash(bytes32 left, bytes32 right) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore8(0x00, 0x01)
            mstore(0x01, left)
            mstore(0x21, right)
            if iszero(staticcall(gas(), 0x02, 0x00, 0x41, 0x00, 0x20)) { revert(0, 0) }
            hash := mload(0x00)
            // The last byte lies over the highest one of the free-memory pointer, which is always zero.
            mstore8(0x40, 0x00)
        }
    }
}
