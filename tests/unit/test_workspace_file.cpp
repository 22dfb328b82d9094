// SPDX-License-Identifier: Apache-2.0
// The workspace as a file: migrations, refusals, damage, full disks, and a process killed while it writes.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/store/workspace.h"
#include "core/store/workspace_schema.h"
#include "tests/unit/store_samples.h"
#include "tests/unit/temporary_folder.h"

#include <chrono>
#include <csignal>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace fulgurite {
namespace {

using testing::HasSubstr;

class WorkspaceFile : public testing::Test {
  protected:
    std::optional<Error> refusal() {
        try {
            Workspace workspace(path);
        } catch (const Error& error) {
            return error;
        }
        return std::nullopt;
    }

    TemporaryFolder folder;
    std::filesystem::path path = folder / "workspace.db";
};

TEST_F(WorkspaceFile, VersionOneIsBroughtUpToDate) {
    {
        Database old(path, {workspace_application_id, "workspace", 0});
        migrate(old, workspaceMigrations().first(1));
        EXPECT_EQ(old.version(), 1);
        old.execute(R"sql(
            INSERT INTO conversations(id, title, head, created, updated) VALUES (1, 'An old title', 2, 5, 6);
            INSERT INTO nodes(id, conversation, parent, role, state, content, created)
                VALUES (1, 1, NULL, 'user', 'complete', 'an old question', 5),
                       (2, 1, 1, 'assistant', 'complete', 'an old answer', 6);
            INSERT INTO named_values(kind, name, value, updated)
                VALUES ('preset', 'Mine', CAST('{"temperature":0.5}' AS BLOB), 7), ('setting', 'theme', 'dark', 7);
            INSERT INTO journal_steps(id, label, conversation, created) VALUES (1, 'Rename', 1, 6);
            INSERT INTO journal_changes(step, target, row, field, before, after)
                VALUES (1, 'conversations', 1, 'title', 'An older title', 'An old title');
        )sql");
    }
    Workspace workspace(path);
    EXPECT_EQ(workspace.database().version(), workspaceMigrations().back().version);
    EXPECT_EQ(workspace.conversations().path(1).size(), 2u);
    EXPECT_EQ(workspace.index().search("old title").size(), 1u);
    EXPECT_EQ(workspace.index().search("answer").size(), 1u);
    EXPECT_EQ(workspace.index().search("old").size(), 2u);
    EXPECT_EQ(workspace.presets().all(), (std::map<std::string, std::string>{{"Mine", R"({"temperature":0.5})"}}));
    EXPECT_EQ(workspace.value(ValueKind::Setting, "theme"), "dark");
    ASSERT_TRUE(workspace.journal().undo());
    EXPECT_EQ(workspace.conversations().conversation(1).title, "An older title");
}

TEST_F(WorkspaceFile, AFailedMigrationChangesNothing) {
    Database database(path, {workspace_application_id, "workspace", 0});
    const std::array broken{Migration{1, "CREATE TABLE a(x) STRICT"}};
    EXPECT_THROW(migrate(database, broken), Error);
    const std::array half{Migration{1, "CREATE TABLE a(x INTEGER) STRICT; CREATE TABLE a(x INTEGER) STRICT"}};
    EXPECT_THROW(migrate(database, half), Error);
    EXPECT_EQ(database.version(), 0);
    EXPECT_EQ(database.integer("SELECT count(*) FROM sqlite_master"), 0);
}

TEST_F(WorkspaceFile, ANewerOneIsRefusedAndLeftAlone) {
    {
        Workspace workspace(path);
        workspace.database().execute("PRAGMA user_version = 99; PRAGMA journal_mode = DELETE");
    }
    const std::string before = readTextFile(path);
    const auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Unsupported);
    EXPECT_THAT(error->what(), HasSubstr("version 99"));
    EXPECT_THAT(error->what(), HasSubstr("up to 3"));
    EXPECT_THAT(error->what(), HasSubstr("update Fulgurite"));
    EXPECT_EQ(readTextFile(path), before);
}

TEST_F(WorkspaceFile, OtherFilesAreRefusedAndLeftAlone) {
    writeFileAtomically(path, std::string(5000, 'x'));
    auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Corrupt);
    EXPECT_THAT(error->what(), HasSubstr("move it aside"));
    EXPECT_EQ(readTextFile(path), std::string(5000, 'x'));

    std::filesystem::remove(path);
    { Database(path, {7, "ledger", 0}).execute("PRAGMA application_id = 7; CREATE TABLE t(x INTEGER) STRICT"); }
    const std::string before = readTextFile(path);
    error = refusal();
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr("not a Fulgurite workspace"));
    EXPECT_EQ(readTextFile(path), before);
}

TEST_F(WorkspaceFile, DamageIsReported) {
    {
        Workspace workspace(path);
        const ConversationId id = workspace.conversations().create({"x", "", false, "", "{}"});
        for (int i = 0; i < 200; ++i)
            workspace.conversations().append(userNode(id, std::nullopt, std::string(500, 'y')));
    }
    std::string bytes = readTextFile(path);
    for (std::size_t i = 4096 * 2; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 31);
    writeFileAtomically(path, bytes);
    const auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Corrupt);
    EXPECT_THAT(error->what(), HasSubstr("damaged"));
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(WorkspaceFile, APlaceThatCannotBeWrittenIsNamed) {
    path = "/proc/fulgurite/workspace.db";
    const auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Io);
    EXPECT_THAT(error->what(), HasSubstr("/proc/fulgurite"));
}

TEST_F(WorkspaceFile, AReadOnlyFileIsNamed) {
    if (::geteuid() == 0)
        GTEST_SKIP() << "permissions do not bind the superuser";
    { Workspace workspace(path); }
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    const auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Io);
    EXPECT_THAT(error->what(), HasSubstr("writable"));
}

TEST_F(WorkspaceFile, ASecondWindowHearsThatItIsOpen) {
    const Workspace first(path);
    const auto error = refusal();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Unavailable);
    EXPECT_THAT(error->what(), HasSubstr("another window"));
}

TEST_F(WorkspaceFile, AFullDiskLosesNothingThatWasSaved) {
    Workspace workspace(path, 120); // pages of 4 KiB
    ConversationStore& store = workspace.conversations();
    const ConversationId id = store.create({"Full", "", false, "", "{}"});
    const NodeId question = store.append(userNode(id, std::nullopt, "question"));
    const NodeId answer = store.append(answerNode(id, question));
    TokenWriter writer(workspace.tokens(), answer);
    std::string message;
    std::size_t saved = 0;
    for (int i = 0; i < 20000 && message.empty(); ++i) {
        writer.append(std::vector{sampleToken(i)});
        try {
            if (i % 50 == 49) {
                writer.flush();
                saved = writer.count();
            }
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Io);
            message = error.what();
        }
    }
    EXPECT_THAT(message, HasSubstr("no space is left"));
    EXPECT_EQ(workspace.tokens().count(answer), saved);
    EXPECT_GT(saved, 1000u);
    // Once there is room again, what waited in memory is written too.
    workspace.database().execute("PRAGMA max_page_count = 100000");
    writer.flush();
    EXPECT_EQ(workspace.tokens().count(answer), saved + 50);
    store.finish(answer, {});
    workspace.database().checkIntegrity();
}

// The disk may turn out to be full when the transaction ends, after each of its statements went well.
TEST_F(WorkspaceFile, TokensOfATransactionThatFailedAreWrittenWithTheNext) {
    Workspace workspace(path);
    ConversationStore& store = workspace.conversations();
    const ConversationId id = store.create({"Again", "", false, "", "{}"});
    const NodeId answer = store.append(answerNode(id, store.append(userNode(id, std::nullopt, "question"))));
    TokenWriter writer(workspace.tokens(), answer);
    std::vector<TokenInfo> all;
    for (int i = 0; i < 1500; ++i) {
        all.push_back(sampleToken(i));
        writer.append(std::vector{all.back()});
        if (i % 70 != 69)
            continue;
        Transaction transaction(workspace.database());
        writer.write();
        if (i % 3 == 0) {
            transaction.commit();
            writer.settle();
        }
    }
    writer.flush();
    EXPECT_EQ(writer.count(), all.size());
    EXPECT_EQ(workspace.tokens().read(answer, 0, all.size() + 1, TokenDetail::WithAlternatives), all);
}

// Streams 200 tokens a second as the window does and says after each how many there are.
[[noreturn]] void streamUntilKilled(const std::filesystem::path& path, int report) {
    Workspace workspace(path);
    ConversationStore& store = workspace.conversations();
    const ConversationId id = store.create({"Killed", "", false, "", "{}"});
    const NodeId answer = store.append(answerNode(id, store.append(userNode(id, std::nullopt, "go on"))));
    TokenWriter writer(workspace.tokens(), answer);
    auto last = std::chrono::steady_clock::now();
    for (int i = 0;; ++i) {
        writer.append(std::vector{sampleToken(i)});
        if (const auto now = std::chrono::steady_clock::now(); now - last >= std::chrono::milliseconds(400)) {
            writer.flush();
            last = now;
        }
        if (::write(report, &i, sizeof i) != sizeof i)
            ::_exit(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

TEST_F(WorkspaceFile, AKilledWindowLosesAtMostTheLastSecond) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::close(ends[0]);
        streamUntilKilled(path, ends[1]);
    }
    ::close(ends[1]);
    // When each token was produced, by the parent's clock.
    std::vector<std::chrono::steady_clock::time_point> produced;
    int number = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2300);
    while (std::chrono::steady_clock::now() < end && ::read(ends[0], &number, sizeof number) == sizeof number)
        produced.push_back(std::chrono::steady_clock::now());
    const auto killed = std::chrono::steady_clock::now();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);

    Workspace workspace(path);
    ASSERT_EQ(workspace.recovered().size(), 1u);
    const NodeId answer = workspace.recovered().front();
    const std::size_t saved = workspace.tokens().count(answer);
    const auto due = std::count_if(produced.begin(), produced.end(),
                                   [&](auto time) { return killed - time > std::chrono::seconds(1); });
    EXPECT_GT(due, 50);
    EXPECT_GE(saved, static_cast<std::size_t>(due));
    const Node node = workspace.conversations().node(answer);
    EXPECT_EQ(node.state, NodeState::Cut);
    EXPECT_EQ(node.tokens, saved);
    EXPECT_TRUE(node.content.starts_with("w2 w4 "));
    EXPECT_EQ(workspace.tokens().read(answer, 0, saved, TokenDetail::WithAlternatives),
              sampleTokens(static_cast<int>(saved)));
    RecordProperty("produced", static_cast<int>(produced.size()));
    RecordProperty("saved", static_cast<int>(saved));
}

// Figures for the log; a timed assertion would only measure the machine.
TEST_F(WorkspaceFile, TenThousandConversations) {
    Workspace workspace(path);
    ConversationStore& store = workspace.conversations();
    const auto seconds = [](auto&& work) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    const double writing = seconds([&] {
        workspace.journal().asOneStep("Fill", std::nullopt, [&] {
            for (int i = 0; i < 10000; ++i) {
                const ConversationId id = store.create({fmt::format("Conversation {}", i), "", false, "", "{}"});
                const NodeId question = store.append(
                    userNode(id, std::nullopt,
                             fmt::format("question {} about prefill and the state of layer {}", i, i % 80)));
                store.append(answerNode(id, question, fmt::format("an answer with the word number{}", i)));
            }
        });
    });
    std::size_t rows = 0;
    std::size_t rare = 0;
    std::size_t common = 0;
    const double listing = seconds([&] { rows = store.list().size(); });
    const double searching = seconds([&] { rare = workspace.index().search("number7777").size(); });
    const double broad = seconds([&] { common = workspace.index().search("pre").size(); });
    EXPECT_EQ(rows, 10000u);
    EXPECT_EQ(rare, 1u);
    EXPECT_EQ(common, 200u);
    fmt::print(
        "10,000 conversations: written in {:.2f} s, listed in {:.1f} ms, one found in {:.2f} ms, a word that "
        "all have in {:.1f} ms\n",
        writing, listing * 1e3, searching * 1e3, broad * 1e3);

    const ConversationId id = store.create({"Long", "", false, "", "{}"});
    const NodeId answer = store.append(answerNode(id, store.append(userNode(id, std::nullopt, "long"))));
    TokenWriter writer(workspace.tokens(), answer);
    const double appending = seconds([&] {
        for (int i = 0; i < 100000; i += 50) {
            std::vector<TokenInfo> tokens;
            for (int k = i; k < i + 50; ++k)
                tokens.push_back(sampleToken(k, 20));
            writer.append(tokens);
            writer.flush();
        }
    });
    store.finish(answer, {});
    const double page =
        seconds([&] { workspace.tokens().read(answer, 70000, 512, TokenDetail::WithAlternatives); });
    const double summary = seconds([&] { workspace.tokens().read(answer, 0, 100000, TokenDetail::Summary); });
    fmt::print(
        "100,000 tokens with 20 alternatives: appended in {:.2f} s (2,000 flushes), {} bytes a token, a page of "
        "512 with alternatives in {:.2f} ms, all without in {:.0f} ms\n",
        appending,
        workspace.database()
                .integer("SELECT sum(length(tokens) + length(alternatives)) FROM token_chunks")
                .value_or(0) /
            100000,
        page * 1e3, summary * 1e3);
}

} // namespace
} // namespace fulgurite
